// Replaces the page's content every two seconds, and says so when the switch no longer answers.
(() => {
  const silent = document.getElementById("silent");
  let last = new Date();
  async function refresh() {
    const reading = getSelection()?.type === "Range"; // someone marks numbers to copy them
    if (!document.hidden && !reading) {
      try {
        const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(5000) });
        // The new page's style carries a nonce that this page's policy does not know, and is not needed.
        const text = (await answer.text()).replace(/<style[^]*?<\/style>/, "");
        const next = new DOMParser().parseFromString(text, "text/html");
        document.querySelector("main").replaceWith(next.querySelector("main"));
        document.title = next.title;
        document.querySelector("link[rel=icon]").href = next.querySelector("link[rel=icon]").href;
        last = new Date();
        silent.classList.remove("shown");
        document.body.classList.remove("stale");
      } catch {
        silent.textContent = `No answer since ${last.toLocaleTimeString()}: the numbers below are old.`;
        silent.classList.add("shown");
        document.body.classList.add("stale");
        document.title = "no answer · authswitch";
      }
    }
    setTimeout(refresh, 2000);
  }
  setTimeout(refresh, 2000);
})();
