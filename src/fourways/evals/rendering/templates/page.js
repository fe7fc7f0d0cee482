for (const tools of document.querySelectorAll("[data-tools]")) {
  const cases = [...document.querySelectorAll("[data-case]")];
  const field = tools.querySelector("input"), button = tools.querySelector("button"), said = tools.querySelector("output");
  tools.hidden = false;
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const one of cases) {
      const text = one.textContent.toLowerCase();
      one.hidden = !words.every((word) => text.includes(word));
    }
    said.textContent = words.length ? `${cases.filter((one) => !one.hidden).length} of ${cases.length}` : "";
  });
  button.addEventListener("click", () => {
    const open = cases.some((one) => !one.open);
    for (const one of cases) one.open = open;
    button.textContent = open ? "Close all" : "Open all";
  });
}
