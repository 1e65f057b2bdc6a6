// Objects or devices by name: an input in a `.picker` suggests them, from `data-source`. What is taken fills the input, or goes
// out as the event `pick`.
"use strict";
(() => {
  let pickers = 0;
  function bind(box) {
    const input = box.querySelector("input");
    const list = box.querySelector('[role="listbox"]');
    const name = `pick-${++pickers}`;
    let found = [];
    let at = -1;
    let asked = 0;
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-expanded", "false");
    input.setAttribute("aria-controls", list.id);
    function close() {
      asked++; // an answer under way comes too late
      list.hidden = true;
      at = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }
    function mark(next) {
      at = next;
      [...list.children].forEach((option, index) => {
        option.setAttribute("aria-selected", String(index === at));
        if (index === at) { option.scrollIntoView({ block: "nearest" }); input.setAttribute("aria-activedescendant", option.id); }
      });
    }
    function take(entry) {
      close();
      if (box.dataset.picker === "fill") input.value = `${entry.code}${entry.class === "Profile generic" ? " last 1 day" : ""}`;
      else { input.value = ""; box.dispatchEvent(new CustomEvent("pick", { detail: entry, bubbles: true })); }
      input.focus();
    }
    async function look() {
      const mine = ++asked;
      const words = input.value.trim();
      if (words.length < 2) { close(); return; }
      const answer = await fetch(`${box.dataset.source}?q=${encodeURIComponent(words)}`);
      const entries = answer.ok ? await answer.json() : [];
      if (mine !== asked) return;
      found = entries;
      list.replaceChildren(...found.map((entry, index) => {
        const option = document.createElement("li");
        option.id = `${name}-${index}`;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        const text = document.createElement("span");
        text.textContent = entry.name || entry.code;
        const code = document.createElement("span");
        code.className = "code";
        code.textContent = entry.name ? entry.code : "";
        option.append(text, code);
        option.addEventListener("mousedown", (event) => { event.preventDefault(); take(entry); });
        return option;
      }));
      list.hidden = !found.length;
      input.setAttribute("aria-expanded", String(found.length > 0));
    }
    input.addEventListener("input", look);
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      const open = !list.hidden && found.length;
      if (event.key === "ArrowDown" && open) { event.preventDefault(); mark((at + 1) % found.length); }
      else if (event.key === "ArrowUp" && open) { event.preventDefault(); mark((at + found.length - 1) % found.length); }
      else if (event.key === "Escape" && open) { event.stopPropagation(); close(); }
      else if (event.key === "Enter" && open) {
        const exact = box.dataset.picker === "fill" && at < 0;
        if (!exact) { event.preventDefault(); take(found[Math.max(at, 0)]); }
      } else if (event.key === "Enter" && box.dataset.picker !== "fill") event.preventDefault();
    });
  }
  document.querySelectorAll("[data-picker]").forEach((box) => { box.hidden = false; bind(box); });
})();
