// What every page does where scripts run: stay live, answer the keyboard, choose colours. Without them the pages still read.
"use strict";
(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const number = (value) => value.toLocaleString("en").replaceAll(",", "\u202f");

  // ------------------------------------------------------------ live
  const lamp = one("#live");
  const state = (name, text) => {
    lamp.hidden = false;
    lamp.dataset.state = name;
    lamp.title = name === "live" ? "This page shows changes as they happen" : "Not live at the moment";
    one("#live-text").textContent = text;
  };
  const topics = () => new Set(all("[data-live]").flatMap((element) => element.dataset.live.split(" ")));
  let timer = 0;
  let loading = false;
  let again = false;
  let took = 0;

  async function renew() {
    timer = 0;
    if (loading) { again = true; return; }
    loading = true;
    const began = performance.now();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok) replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* the stream tells that the service is away */ }
    took = performance.now() - began;
    loading = false;
    if (again) { again = false; plan(); }
  }
  function replace(page) {
    for (const old of all("[data-live]")) {
      const fresh = page.getElementById(old.id);
      if (!fresh) { if (old.id.startsWith("progress-")) { old.remove(); tell("Activation finished"); } continue; }
      if (old.isEqualNode(fresh)) continue;
      const focus = old.contains(document.activeElement) ? document.activeElement : null;
      if (focus && focus.matches("input, select, textarea, summary")) continue; // never under somebody's hands
      const open = all("details[open]", old).length;
      if (open) continue;
      const href = focus && focus.getAttribute("href");
      old.replaceWith(fresh);
      if (href) { const same = one(`a[href="${CSS.escape(href)}"]`, fresh); if (same) same.focus(); }
    }
  }
  // what takes the service long to make is asked for the less often
  const plan = () => { if (!timer) timer = setTimeout(renew, Math.max(350, 8 * took)); };
  const tell = (text) => { one("#told").textContent = text; };

  function progress(told) {
    const share = (count) => `${(100 * count) / (told.devices || 1)}%`;
    const answered = Math.max(0, told.done - told.failed);
    for (const element of all(`[data-activation="${CSS.escape(told.activation)}"]`)) {
      const part = (name) => one(`[data-part="${name}"]`, element);
      const bar = one('[role="progressbar"]', element);
      bar.setAttribute("aria-valuemax", told.devices || 1);
      bar.setAttribute("aria-valuenow", told.done);
      let x = 0;
      for (const [name, count] of [["ok-bar", answered], ["failed-bar", told.failed], ["trying-bar", told.trying]]) {
        part(name).setAttribute("x", share(x));
        part(name).setAttribute("width", share(count));
        x += count;
      }
      part("done").textContent = number(told.done);
      part("devices").textContent = number(told.devices);
      part("failed").textContent = told.failed ? `${number(told.failed)} failed` : "";
      part("trying").textContent = told.trying ? `${number(told.trying)} tried again` : "";
      part("left").textContent = told.left;
    }
  }
  function figures(told) {
    for (const [name, text] of Object.entries(told)) {
      for (const element of all(`[data-figure="${name}"]`)) element.textContent = text;
    }
  }
  // the answer to a form cannot be asked for again: it stays as it is
  if (document.body.hasAttribute("data-can-renew") && topics().size && "EventSource" in window) {
    const stream = new EventSource("/live");
    // what changed between the making of this page, or the loss of the stream, and now, nobody told
    stream.addEventListener("open", () => { state("live", "live"); plan(); });
    stream.addEventListener("error", () => state("lost", "reconnecting"));
    stream.addEventListener("progress", (event) => progress(JSON.parse(event.data)));
    stream.addEventListener("figures", (event) => figures(JSON.parse(event.data)));
    stream.addEventListener("changed", (event) => { if (event.data === "*" || topics().has(event.data)) plan(); });
    addEventListener("pagehide", () => stream.close());
    setInterval(() => { if (!document.hidden) plan(); }, 60000); // `2 min ago` grows old
  }

  // ------------------------------------------------------------ forms
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button && button.dataset.confirm && !confirm(button.dataset.confirm)) { event.preventDefault(); return; }
    if (event.target.dataset.busy && button) {
      tell(event.target.dataset.busy);
      setTimeout(() => { button.disabled = true; button.textContent = event.target.dataset.busy; });
    }
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  function narrow(input) {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of all("tbody tr", document.getElementById(input.dataset.narrow))) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  }
  document.addEventListener("input", (event) => { if (event.target.matches("[data-narrow]")) narrow(event.target); });
  all("[data-narrow]").forEach(narrow); // what somebody wrote before this script was there

  // ------------------------------------------------------------ colours
  const theme = one("#theme");
  const THEMES = { auto: "Auto", light: "Light", dark: "Dark" };
  const show = () => {
    const name = document.documentElement.dataset.theme;
    theme.textContent = THEMES[name];
    theme.setAttribute("aria-label", `Colours: ${THEMES[name].toLowerCase()}`);
  };
  function turn() {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf(document.documentElement.dataset.theme) + 1) % names.length];
    document.documentElement.dataset.theme = next;
    document.cookie = `cas_theme=${next}; path=/; max-age=31536000; samesite=strict`;
    show();
    tell(`Colours: ${THEMES[next].toLowerCase()}`);
    document.dispatchEvent(new Event("cas-theme"));
  }
  theme.hidden = false;
  theme.addEventListener("click", turn);
  show();

  // ------------------------------------------------------------ keyboard
  const dialog = one("#shortcuts");
  const help = one("#help");
  help.hidden = false;
  help.addEventListener("click", () => dialog.showModal());
  let before = "";
  function step(by) {
    const rows = all("[data-row]").filter((row) => !row.hidden);
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.classList.contains("at"));
    const next = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by))];
    rows.forEach((row) => row.classList.toggle("at", row === next));
    const link = one("a, summary, button", next);
    if (link) link.focus();
    next.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    if (event.target.matches("input, textarea, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const both = before === "g" ? `g ${event.key}` : "";
    before = event.key === "g" && before !== "g" ? "g" : "";
    const link = one(`a[data-key="${CSS.escape(both || event.key)}"]`);
    if (both && link) { event.preventDefault(); link.click(); return; }
    if (event.key === "n") { event.preventDefault(); location.href = "/new"; }
    if (event.key === "?") { event.preventDefault(); dialog.showModal(); }
    if (event.key === "t") turn();
    if (event.key === "j") step(1);
    if (event.key === "k") step(-1);
    if (event.key === "/") {
      const search = one("[data-search]");
      if (search) { event.preventDefault(); search.focus(); }
    }
  });
})();
