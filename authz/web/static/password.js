// Takes the name and the code of a link (`#name:code`) into the form, and out of the
// address. Without it they are typed in.
"use strict";

(function () {
  const [name, code] = decodeURIComponent(window.location.hash.slice(1)).split(":");
  const field = document.getElementById("code");
  if (!name || !code || !field) {
    return;
  }
  window.history.replaceState(null, "", window.location.pathname);
  field.value = code;
  document.getElementById("typed-code").hidden = true;
  const who = document.getElementById("username");
  who.value = name;
  who.readOnly = true;
  document.getElementById("password").focus();
})();
