// @ts-check
/** The console's entry point: wires what every page has, then what this page has. */
import { startActing } from "./act.js";
import { startBrush } from "./brush.js";
import { startCharts } from "./chart.js";
import { startClient } from "./client.js";
import { startClock } from "./clock.js";
import { startCounts } from "./counts.js";
import { startCopying, startToasts } from "./toast.js";
import { startHold } from "./hold.js";
import { startKeyboard } from "./keyboard.js";
import { startList } from "./list.js";
import { startLive } from "./live.js";
import { startPicking } from "./pick.js";
import { startPreferences } from "./preferences.js";
import { startQuery } from "./query.js";
import { startReplay } from "./replay.js";
import { registerRows } from "./rows.js";
import { startTail } from "./tail.js";
import { startVisits } from "./visit.js";

const page = new AbortController();
const { signal } = page;

registerRows();
startPreferences(signal);
startVisits(signal);
startKeyboard(signal);
startQuery(signal);
startList(signal);
startHold(signal);
startCopying(signal);
startToasts(signal);
startActing(signal);
startPicking(signal);
startClock(signal);
startTail(signal);
startCounts(signal);
startBrush(signal);
startClient(signal);
startReplay(signal);
startCharts(signal);
startLive(signal);

// A page that the back/forward cache keeps wakes up with its listeners.
addEventListener("pagehide", (event) => event.persisted || page.abort(), { signal });
