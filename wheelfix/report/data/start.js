"use strict";

showAnswer((classes) => { setFilter("", classes); jumpTo("libraries"); });
showFindings();
showNix();
showLibraries();
showGraph();
showDistributions((name) => { setFilter(name); jumpTo("libraries"); });
showOpened();
showHead();
