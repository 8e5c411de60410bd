// Keys reach the terminal without a click. textual.js tells of the first byte by a class of the body; before that the
// socket, which is told of the focus, may not be open.
addEventListener("load", () => {
  const focus = () => document.querySelector(".xterm-helper-textarea").focus();
  new MutationObserver(focus).observe(document.body, { attributeFilter: ["class"] });
});
