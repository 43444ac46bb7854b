// Buttons that print what is on the page; without this script there are none.

import "./inside/print.js";
