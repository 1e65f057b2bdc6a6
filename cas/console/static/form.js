// The form of a new DeviceAccess: objects that are picked become lines, and what will be sent shows while it is filled in.
"use strict";
(() => {
  const form = document.getElementById("new");
  const body = document.getElementById("preview-body");
  const devices = document.getElementById("devices");
  const objects = document.getElementById("objects");
  document.getElementById("show-preview").hidden = true;

  let timer = 0;
  async function preview() {
    const answer = await fetch("/new/preview", { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (answer.ok) body.innerHTML = await answer.text();
  }
  const soon = () => { clearTimeout(timer); timer = setTimeout(preview, 250); };
  form.addEventListener("input", (event) => { if (!event.target.closest("[data-picker]")) soon(); });
  form.addEventListener("change", soon);
  form.addEventListener("pick", (event) => {
    const { code, name, class: kind } = event.detail;
    if (event.target.dataset.into === "devices") {
      const known = devices.value.trimEnd();
      if (!known.split(/[\s,]+/).includes(code)) devices.value = `${known}${known ? "\n" : ""}${code}\n`;
      soon();
      return;
    }
    const line = `${code}${kind === "Profile generic" ? " last 1 day" : ""}  # ${name}`;
    objects.value = `${objects.value.trimEnd()}${objects.value.trim() ? "\n" : ""}${line}\n`;
    soon();
  });
  if (objects.value.trim()) soon();
})();
