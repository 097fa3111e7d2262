import { markup } from './markup.ts';

/**
 * The report's looks: system fonts, light and dark by the reader's own setting, one column on a phone, one sheet of A4 on paper. The two
 * colours that carry a meaning (Okabe and Ito's blue-green and vermilion) can be told apart with every kind of colour blindness, and never
 * stand alone: a sign and a word say the same.
 */
export const reportStyle = markup`
:root{color-scheme:light dark;--paper:#fff;--card:#f6f7f9;--ink:#16191d;--quiet:#5b6470;--line:#dfe3e8;--good:#00755a;--bad:#b34700;--warn:#7a5c00;--bar:#3d7ab8}
@media (prefers-color-scheme:dark){:root{--paper:#101316;--card:#191e23;--ink:#e6e9ec;--quiet:#9aa5b1;--line:#2c333b;--good:#35c49b;--bad:#ff8a4c;--warn:#e3b93c;--bar:#5f9fdf}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:62rem;padding:1rem 1rem 2.5rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;-webkit-text-size-adjust:100%;overflow-wrap:break-word}
h1{font-size:1.5rem;line-height:1.25;margin:0}
h2{font-size:1.1rem;margin:2rem 0 .6rem}
p{margin:.4rem 0}
.quiet{color:var(--quiet)}
.verdict{border-left:.5rem solid;border-radius:.5rem;background:var(--card);padding:1rem 1.2rem;margin:0 0 1rem}
.verdict.good{border-color:var(--good)}.verdict.bad{border-color:var(--bad)}
.verdict .word{display:block;font-weight:700;letter-spacing:.02em;margin-bottom:.2rem}
.verdict ul{margin:.6rem 0 0;padding-left:1.2rem}
.good>.word,.state.good{color:var(--good)}.bad>.word,.state.bad{color:var(--bad)}.state.warn{color:var(--warn)}
.state{font-weight:600;white-space:nowrap}
.tiles{display:grid;gap:.7rem;margin-bottom:.8rem;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr))}
.tile{background:var(--card);border-radius:.5rem;padding:.8rem 1rem}
.tile b.big{display:block;font-size:1.35rem;line-height:1.3}
.pair{display:grid;gap:1rem 2.5rem;grid-template-columns:repeat(auto-fit,minmax(19rem,1fr));align-items:start}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.35rem .9rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--quiet);font-size:.85rem}
th:last-child,td:last-child{padding-right:0}
.n{text-align:right;white-space:nowrap}
tr.total td{font-weight:600}
code,.hash{font:.85em/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
ul.checks{list-style:none;margin:0;padding:0}
ul.checks li{padding:.4rem 0;border-bottom:1px solid var(--line);display:grid;grid-template-columns:8rem 1fr;gap:.2rem .6rem}
.hashes{display:grid;grid-template-columns:8rem 1fr;gap:.2rem .6rem;margin:.8rem 0 0}
.hashes dt{color:var(--quiet)}.hashes dd{margin:0}
.runs{display:grid;gap:1rem 2rem;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr))}
figure{margin:0}
figcaption{margin-bottom:.3rem}
.steps{list-style:none;margin:0;padding:0}
.step{display:grid;grid-template-columns:8.2rem minmax(0,1fr) 4.4rem;gap:.5rem;align-items:center;font-size:.85rem;line-height:1.55}
.step svg{display:block;width:100%;height:.7rem;background:var(--card);border-radius:2px}
.step rect{fill:var(--bar)}.step.failed rect{fill:var(--bad)}.step.failed .time{color:var(--bad);font-weight:600}
.step .time{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.tree,.tree ul{list-style:none;margin:0;padding:0}
.tree ul{margin-left:.6rem;padding-left:1rem;border-left:2px solid var(--line)}
.tree li{padding:.15rem 0}
.hand{display:grid;grid-template-columns:auto 1fr;gap:.3rem 1rem;margin:0}
.hand dt{color:var(--quiet)}.hand dd{margin:0}
footer{margin-top:2rem;padding-top:.6rem;border-top:1px solid var(--line);font-size:.85rem;color:var(--quiet)}
@media (max-width:36rem){
body{padding:.7rem .8rem 2rem}
table.wide thead{position:absolute;left:-100vw}
table.wide tr{display:block;padding:.5rem 0;border-bottom:1px solid var(--line)}
table.wide td{display:inline-block;border:0;padding:.05rem .9rem .05rem 0}
table.wide td:first-child,table.wide td:last-child{display:block}
table.wide td[data-of]::before{content:attr(data-of) ": ";color:var(--quiet)}
table.wide td.n{text-align:left}
.compact th,.compact td{padding-right:.5rem;font-size:.88rem}.compact th.n{white-space:normal}
ul.checks li,.hashes,.hand{grid-template-columns:1fr;gap:0}
.hand dd{margin-bottom:.5rem}
}
@media print{
@page{size:A4;margin:7mm}
html{font-size:10px}
:root{color-scheme:light;--paper:#fff;--card:#f4f5f6;--ink:#000;--quiet:#444;--line:#ccc;--good:#00664e;--bad:#a33f00;--warn:#6b5000;--bar:#3d7ab8}
body{max-width:none;padding:0;font-size:6.8pt;line-height:1.16}
h1{font-size:10.5pt}h2{font-size:8.2pt;margin:1.3mm 0 .4mm;break-after:avoid}
p{margin:.4mm 0}
.verdict{padding:1mm 3mm;margin-bottom:.8mm}.tile{padding:.8mm 2.5mm}.tile b.big{font-size:10pt}
.tiles{gap:2mm;margin-bottom:1mm;grid-template-columns:repeat(3,1fr)}
th,td{padding-top:.15mm;padding-bottom:.15mm}
ul.checks{columns:2;column-gap:8mm}
ul.checks li{padding:.3mm 0;grid-template-columns:6rem 1fr;gap:0 .6rem;break-inside:avoid}
.hashes{margin-top:.5mm}
.pair{gap:6mm;grid-template-columns:repeat(2,1fr)}
.runs{display:block;columns:4;column-gap:4mm}.runs figure{margin-bottom:1mm}
.pair td.quiet{font-size:6.2pt}.tree{font-size:6.6pt}
.step{font-size:5.8pt;line-height:1.12;grid-template-columns:6.6rem minmax(0,1fr) 2.6rem;gap:1mm}figcaption{font-size:7pt;line-height:1.2}.step svg{height:1.6mm;print-color-adjust:exact;-webkit-print-color-adjust:exact}
.verdict,.tile,.step rect{print-color-adjust:exact;-webkit-print-color-adjust:exact}
figure,tr,.tile{break-inside:avoid}
.hand{gap:.1mm 3mm;grid-template-columns:auto 1fr auto 1fr}
footer{margin-top:1mm;padding-top:.6mm;font-size:6pt}
}
`;
