(function () {
  "use strict";
  var root = document.documentElement;
  var each = function (list, f) { Array.prototype.forEach.call(list, f); };

  // Theme: the system's, until the reader chooses.
  var theme = document.getElementById("theme");
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var isDark = function () {
    return root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
  };
  var nameTheme = function () { theme.textContent = isDark() ? "Light theme" : "Dark theme"; };
  theme.hidden = false;
  theme.addEventListener("click", function () {
    root.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
  });
  nameTheme();

  // Tables: a heading becomes a button that sorts by its column.
  each(document.querySelectorAll("table"), function (table) {
    var body = table.tBodies[0];
    if (body.rows.length < 2) { return; }
    each(table.tHead.rows[0].cells, function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      while (head.firstChild) { button.appendChild(head.firstChild); }
      head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending";
        each(table.tHead.rows[0].cells, function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        var key = function (row) {
          var cell = row.cells[column];
          if (cell.dataset.v !== undefined) { return Number(cell.dataset.v); }
          return cell.querySelector(".na") ? null : cell.textContent;
        };
        var rows = Array.prototype.slice.call(body.rows).map(function (row, index) {
          return { row: row, key: key(row), index: index };
        });
        rows.sort(function (a, b) {
          // What is undefined stays at the end.
          if (a.key === null || b.key === null) {
            return (a.key === null) - (b.key === null) || a.index - b.index;
          }
          var order = typeof a.key === "number" && typeof b.key === "number"
            ? a.key - b.key
            : String(a.key).localeCompare(String(b.key), "en");
          return (down ? -order : order) || a.index - b.index;
        });
        rows.forEach(function (item) { body.appendChild(item.row); });
      });
    });
  });

  // Legend: an entry becomes a switch for its rule in every chart.
  var hidden = {};
  each(document.querySelectorAll(".legend li"), function (item) {
    var rule = item.dataset.rule;
    var button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    while (item.firstChild) { button.appendChild(item.firstChild); }
    item.appendChild(button);
    button.addEventListener("click", function () {
      hidden[rule] = !hidden[rule];
      each(document.querySelectorAll(".legend li[data-rule='" + rule + "'] button"), function (same) {
        same.setAttribute("aria-pressed", String(!hidden[rule]));
      });
      each(document.querySelectorAll(".draw svg .r" + rule), function (part) {
        part.style.display = hidden[rule] ? "none" : "";
      });
    });
  });

  // Cursor: values of all rules at the pointer, on equity and drawdown.
  var data = JSON.parse(document.getElementById("cursor").textContent);
  var last = data.bars[data.bars.length - 1] || 1;
  var write = {
    equity: function (value) {
      return value.toLocaleString("en", { maximumFractionDigits: 2 });
    },
    drawdown: function (value) { return (value * 100).toFixed(2) + "\u00a0%"; }
  };
  each(document.querySelectorAll("figure[data-cursor]"), function (figure) {
    var field = figure.dataset.cursor;
    each(figure.querySelectorAll(".draw"), function (draw, index) {
      var plot = data.plots[index];
      var rule = document.createElement("div");
      rule.className = "cursor";
      var box = document.createElement("div");
      box.className = "values";
      rule.hidden = box.hidden = true;
      draw.appendChild(rule);
      draw.appendChild(box);
      var leave = function () { rule.hidden = box.hidden = true; };
      var move = function (event) {
        var area = draw.getBoundingClientRect();
        var share = ((event.clientX - area.left) / area.width - plot[0]) / (plot[1] - plot[0]);
        if (share < 0 || share > 1) { leave(); return; }
        var low = 0, high = data.bars.length - 1, bar = share * last;
        while (low < high) {
          var middle = (low + high) >> 1;
          if (data.bars[middle] < bar) { low = middle + 1; } else { high = middle; }
        }
        if (low > 0 && bar - data.bars[low - 1] < data.bars[low] - bar) { low -= 1; }
        box.textContent = "";
        var line = function (text, name) {
          var item = document.createElement("div");
          if (name) {
            var key = document.createElement("b");
            key.className = name;
            key.textContent = text[0];
            item.appendChild(key);
            item.appendChild(document.createTextNode(" " + text[1]));
          } else {
            item.textContent = text;
          }
          box.appendChild(item);
        };
        line(data.times[low] + " UTC");
        data.rules.forEach(function (entry, style) {
          var value = entry[field][low];
          if (value !== null && !hidden[style]) {
            line([entry.key, write[field](value) + "  " + entry.name], "key r" + style);
          }
        });
        rule.hidden = box.hidden = false;
        var x = (plot[0] + (plot[1] - plot[0]) * data.bars[low] / last) * area.width;
        rule.style.left = x + "px";
        var left = x + 14 + box.offsetWidth > area.width ? x - 14 - box.offsetWidth : x + 14;
        box.style.left = Math.max(0, left) + "px";
      };
      draw.addEventListener("pointermove", move);
      draw.addEventListener("pointerdown", move);
      draw.addEventListener("pointerleave", leave);
    });
  });
})();
