"use strict";

// The code stands behind "#", which browsers do not send; it moves into the form, and out of the address.
const code = location.hash.slice(1);
const field = document.getElementById("link");

if (code) {
  field.value = code;
  history.replaceState(null, "", location.pathname);
}
if (field.value) {
  document.getElementById("link-row").hidden = true;
  document.getElementById("name").focus();
}
