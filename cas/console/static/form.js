// The form of a new DeviceAccess: look for objects by name, and see what will be sent while filling it in.
"use strict";
(() => {
  const form = document.getElementById("new");
  const body = document.getElementById("preview-body");
  const pick = document.getElementById("pick");
  const list = document.getElementById("picked");
  const objects = document.getElementById("objects");
  document.getElementById("show-preview").hidden = true;
  pick.closest(".picker").hidden = false;

  // ------------------------------------------------------------ preview
  let timer = 0;
  async function preview() {
    const answer = await fetch("/new/preview", { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (answer.ok) body.innerHTML = await answer.text();
  }
  const soon = () => { clearTimeout(timer); timer = setTimeout(preview, 250); };
  form.addEventListener("input", (event) => { if (event.target !== pick) soon(); });
  form.addEventListener("change", soon);
  if (objects.value.trim()) soon();

  // ------------------------------------------------------------ objects by name
  let found = [];
  let at = -1;
  let asked = 0;
  const close = () => { list.hidden = true; at = -1; pick.setAttribute("aria-expanded", "false"); pick.removeAttribute("aria-activedescendant"); };
  function mark(next) {
    at = next;
    [...list.children].forEach((option, index) => {
      option.setAttribute("aria-selected", String(index === at));
      if (index === at) { option.scrollIntoView({ block: "nearest" }); pick.setAttribute("aria-activedescendant", option.id); }
    });
  }
  function take(entry) {
    const profile = entry.class === "Profile generic" ? " last 1 day" : "";
    const line = `${entry.code}${profile}  # ${entry.name}`;
    objects.value = `${objects.value.trimEnd()}${objects.value.trim() ? "\n" : ""}${line}\n`;
    pick.value = "";
    close();
    soon();
    pick.focus();
  }
  async function look() {
    const mine = ++asked;
    const words = pick.value.trim();
    if (!words) { close(); return; }
    const answer = await fetch(`/suggest/objects?q=${encodeURIComponent(words)}`);
    if (!answer.ok || mine !== asked) return;
    found = await answer.json();
    list.replaceChildren(...found.map((entry, index) => {
      const option = document.createElement("li");
      option.id = `pick-${index}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      const name = document.createElement("span");
      name.textContent = entry.name;
      const code = document.createElement("span");
      code.className = "code";
      code.textContent = entry.code;
      option.append(name, code);
      option.addEventListener("mousedown", (event) => { event.preventDefault(); take(entry); });
      return option;
    }));
    list.hidden = !found.length;
    pick.setAttribute("aria-expanded", String(found.length > 0));
    if (found.length) mark(0);
  }
  pick.addEventListener("input", look);
  pick.addEventListener("blur", close);
  pick.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && found.length) { event.preventDefault(); mark((at + 1) % found.length); }
    else if (event.key === "ArrowUp" && found.length) { event.preventDefault(); mark((at + found.length - 1) % found.length); }
    else if (event.key === "Enter") { event.preventDefault(); if (!list.hidden && found[at]) take(found[at]); }
    else if (event.key === "Escape") close();
  });
})();
