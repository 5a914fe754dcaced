export const STYLE = `
:root {
  --paper: #f7f7f5; --card: #fff; --ink: #1d2125; --faint: #656d76; --line: #d8dbdf;
  --good: #1a7f37; --bad: #c62828; --warn: #9a6700; --accent: #0b5fa5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --card: #1d2125; --ink: #e6e8ea; --faint: #9aa3ad; --line: #353b42;
    --good: #57c26d; --bad: #ff7b72; --warn: #e3b341; --accent: #6cb6ff;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: baseline; padding: .8rem 1.2rem; border-bottom: 1px solid var(--line); }
h1 { font-size: 1.15rem; margin: 0; }
h2 { font-size: 1rem; margin: 0 0 .5rem; }
#about { color: var(--faint); flex: 1; }
#trouble { margin: 0; padding: .6rem 1.2rem; background: var(--bad); color: #fff; }
main { display: grid; gap: 1rem; padding: 1rem 1.2rem; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; min-width: 0; overflow-x: auto; }
section.wide { grid-column: 1 / -1; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--faint); font-size: .85rem; }
th, td { padding: .25rem .6rem .25rem 0; vertical-align: top; }
td.number { font-variant-numeric: tabular-nums; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); } .faint { color: var(--faint); }
button { font: inherit; color: var(--accent); background: none; border: 1px solid var(--line); border-radius: 4px; padding: .1rem .6rem; cursor: pointer; }
button:hover:not(:disabled) { border-color: var(--accent); }
button:disabled { color: var(--faint); cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.lines { font: 12.5px/1.5 ui-monospace, monospace; max-height: 22rem; overflow: auto; overflow-wrap: anywhere; }
.lines div { padding: .05rem 0; }
input { font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: 4px; padding: .1rem .4rem; }
.search { display: flex; flex-wrap: wrap; gap: .4rem .8rem; align-items: baseline; margin-bottom: .6rem; }
a { color: var(--accent); }
td { max-width: 22rem; overflow-wrap: break-word; }
dialog { width: min(72rem, 96vw); max-height: 92vh; color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 1rem; }
dialog::backdrop { background: rgb(0 0 0 / .45); }
dialog > header { padding: 0 0 .6rem; margin-bottom: .6rem; }
dialog h2 { flex: 1; margin: 0; overflow-wrap: anywhere; }
.ladder { overflow-x: auto; margin-top: .8rem; }
.ladder summary { display: flex; align-items: center; gap: .6rem; cursor: pointer; list-style: none; width: max-content; min-width: 100%; }
.ladder summary:focus-visible { outline-offset: -2px; }
.ladder summary:hover { background: var(--paper); }
.ladder time { font: 12.5px ui-monospace, monospace; color: var(--faint); width: 7rem; flex: none; }
.ladder .head { display: flex; gap: .6rem; } .ladder .head::before { content: ""; width: 7rem; flex: none; }
.ladder pre { margin: .3rem 0 .6rem 7.6rem; padding: .5rem .7rem; background: var(--paper); border: 1px solid var(--line); border-radius: 4px; font: 12.5px/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; max-width: 60rem; }
.ladder svg { display: block; flex: none; }
.ladder svg text { font: 12.5px system-ui, sans-serif; fill: currentColor; }
.ladder svg .life { stroke: var(--line); }
.ladder svg .arrow { stroke: currentColor; stroke-width: 1.4; fill: none; }
.ladder svg .tip { fill: currentColor; }
.ladder .about { font-size: .85rem; }
svg.histogram { width: 100%; max-width: 40rem; display: block; }
svg.histogram text { fill: var(--ink); font: 11px system-ui, sans-serif; }
svg.histogram .caller { fill: var(--accent); }
svg.histogram .callee { fill: var(--good); }
svg.sparkline { width: 100%; height: 3.2rem; display: block; }
svg.sparkline polyline { fill: none; stroke: var(--accent); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
`;
