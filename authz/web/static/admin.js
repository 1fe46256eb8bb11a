// Makes the admin pages a little nicer; each of them works without it.
"use strict";

(function () {
  const editing = (element) =>
    element.closest("input, select, textarea, [contenteditable]") !== null;

  // Single keys, where nothing is being typed. The dialog that lists them is left out of
  // the page for whoever switched them off.
  const keys = document.getElementById("authz-keys");
  document.addEventListener("keydown", (event) => {
    if (!keys || event.ctrlKey || event.metaKey || event.altKey || editing(event.target)) {
      return;
    }
    const search = document.querySelector('input[type="search"], #who');
    if (event.key === "/" && search) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "t") {
      window.location.assign(keys.dataset.authzTester);
    } else if (event.key === "?" && !keys.open) {
      keys.showModal();
    }
  });

  for (const button of document.querySelectorAll("[data-authz-copy]")) {
    button.hidden = false;
  }

  // Buttons that copy what stands in the element they name.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-authz-copy]");
    const source = button && document.getElementById(button.dataset.authzCopy);
    if (source) {
      navigator.clipboard.writeText(source.textContent.trim()).then(() => {
        button.textContent = "Copied";
      });
    }
  });
})();
