// On every page: htmx, menus, keys, and a word when the network fails.

import "./scripts/htmx.js";
import "./scripts/menus.js";
import "./scripts/notices.js";
import "./scripts/passwords.js";
