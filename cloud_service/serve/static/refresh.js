// Brings an open page up to date: parts marked data-live are fetched again and exchanged where they changed.
"use strict";
(() => {
  const periodMs = Number(document.body.dataset.refreshS) * 1000;
  const notice = document.getElementById("no-answer");

  function exchange(fresh) {
    for (const part of document.querySelectorAll("[data-live]")) {
      const newer = fresh.getElementById(part.id);
      // What somebody unfolded stays so.
      for (const unfolded of part.querySelectorAll("details[open][id]")) fresh.getElementById(unfolded.id)?.setAttribute("open", "");
      // A form that somebody is filling in stays as it is.
      if (newer && newer.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) {
        part.innerHTML = newer.innerHTML;
      }
    }
  }

  async function refresh() {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (!answer.ok) throw new Error(String(answer.status));
        exchange(new DOMParser().parseFromString(await answer.text(), "text/html"));
        notice.hidden = true;
        document.dispatchEvent(new Event("telltale:refreshed"));
      } catch {
        notice.hidden = false;
      }
    }
    setTimeout(refresh, periodMs);
  }

  setTimeout(refresh, periodMs);
})();
