// Puts the parts of the page together and keeps what it shows up to date.

import * as chat from "./chat.js";
import { Gate } from "./gate.js";
import * as key from "./key.js";
import { Models } from "./models.js";
import * as picture from "./picture.js";
import * as snippets from "./snippets.js";

const models = new Models();
const gate = new Gate();
const offline = document.querySelector("#offline");
let turn = 0;

picture.start(models);
chat.start(models);
snippets.start(models);
key.start(() => models.refresh().catch(() => {})); // refresh shows what is wrong
refresh();

// refresh asks for the gate each second, and for the models each second while one is loading and
// every fifth second afterwards; for nothing while nobody looks at the page.
async function refresh() {
  if (!document.hidden) {
    try {
      await gate.refresh();
      if (models.loading || turn++ % 5 === 0) await models.refresh();
      offline.hidden = true;
    } catch {
      offline.hidden = false;
    }
  }
  setTimeout(refresh, 1000);
}
