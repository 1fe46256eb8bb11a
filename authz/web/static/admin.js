// Makes the admin pages a little nicer; each of them works without it.
"use strict";

(function () {
  const editing = (element) =>
    element.closest("input, select, textarea, [contenteditable]") !== null;

  // "/" goes to the search, "t" to the tester. Only where nothing is being typed, and
  // only if the visitor did not switch it off (their own account page).
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || editing(event.target)) {
      return;
    }
    if (document.documentElement.dataset.authzKeys === "off") {
      return;
    }
    if (event.key === "/") {
      const search = document.querySelector('input[type="search"], #who');
      if (search) {
        event.preventDefault();
        search.focus();
      }
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
