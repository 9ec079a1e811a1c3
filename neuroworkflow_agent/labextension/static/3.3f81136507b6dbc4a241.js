"use strict";
(Array.isArray(self["webpackChunkneuroworkflow_agent"]) ? self["webpackChunkneuroworkflow_agent"] : (self["webpackChunkneuroworkflow_agent"] = [])).push([[2,3],{

/***/ 25
(module, __webpack_exports__, __webpack_require__) {

/* harmony import */ var _node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0__ = __webpack_require__(15);
/* harmony import */ var _node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0___default = /*#__PURE__*/__webpack_require__.n(_node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0__);
/* harmony import */ var _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1__ = __webpack_require__(16);
/* harmony import */ var _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1___default = /*#__PURE__*/__webpack_require__.n(_node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1__);
// Imports


var ___CSS_LOADER_EXPORT___ = _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1___default()((_node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0___default()));
// Module
___CSS_LOADER_EXPORT___.push([module.id, `.nwa{line-height:1.5;overflow-wrap:anywhere}
.nwa.nwa pre{margin:.4em 0;padding:.5em .7em;overflow-x:auto;border-radius:4px;font-size:.92em;background:var(--jp-cell-editor-background,rgba(127,127,127,.1));border:1px solid var(--jp-border-color1,rgba(127,127,127,.4))}
.nwa.nwa pre>code{background:none}
.nwa.nwa .nwa-whole pre{white-space:break-spaces;overflow-wrap:anywhere;max-height:60vh;overflow:auto}
.nwa code{font-family:var(--jp-code-font-family,ui-monospace,monospace)}
.nwa a{color:var(--jp-content-link-color,LinkText)}
.nwa table{border-collapse:collapse;margin:.4em 0;font-size:inherit}.nwa th,.nwa td{padding:.2em .6em;border:1px solid var(--jp-border-color2,rgba(127,127,127,.4));text-align:left}
.nwa blockquote{margin:.4em 0;padding-left:.8em;border-left:3px solid var(--jp-border-color1,rgba(127,127,127,.5))}
.nwa .nwa-note{color:var(--jp-ui-font-color2,GrayText);font-size:.92em}.nwa summary{cursor:pointer}
.nwa .nwa-fail{color:color-mix(in srgb,var(--jp-error-color1,#c62828) 65%,var(--jp-content-font-color1,CanvasText))}
.nwa .k,.nwa .kn,.nwa .kc,.nwa .kd,.nwa .ow{color:color-mix(in srgb,var(--jp-mirror-editor-keyword-color,#2e7d32) 65%,var(--jp-content-font-color1,CanvasText));font-weight:600}
.nwa .s,.nwa .s1,.nwa .s2,.nwa .sd,.nwa .sa,.nwa .si{color:color-mix(in srgb,var(--jp-mirror-editor-string-color,#b5541c) 65%,var(--jp-content-font-color1,CanvasText))}
.nwa .c,.nwa .c1,.nwa .cm,.nwa .ch{color:color-mix(in srgb,var(--jp-mirror-editor-comment-color,#6a7a7a) 65%,var(--jp-content-font-color1,CanvasText));font-style:italic}
.nwa .mi,.nwa .mf,.nwa .mh,.nwa .il{color:color-mix(in srgb,var(--jp-mirror-editor-number-color,#00796b) 65%,var(--jp-content-font-color1,CanvasText))}
.nwa .nb,.nwa .bp{color:color-mix(in srgb,var(--jp-mirror-editor-builtin-color,#3f7d20) 65%,var(--jp-content-font-color1,CanvasText))}
.nwa .nf,.nwa .nc,.nwa .fm{color:color-mix(in srgb,var(--jp-mirror-editor-def-color,#1565c0) 65%,var(--jp-content-font-color1,CanvasText))}
.nwa .o,.nwa .om{color:color-mix(in srgb,var(--jp-mirror-editor-operator-color,#8e24aa) 65%,var(--jp-content-font-color1,CanvasText))}
.nwa .gi{color:color-mix(in srgb,var(--jp-success-color1,#2e7d32) 65%,var(--jp-content-font-color1,CanvasText))}.nwa .gd{color:color-mix(in srgb,var(--jp-error-color1,#c62828) 65%,var(--jp-content-font-color1,CanvasText))}.nwa .gu,.nwa .gh{font-weight:600}
`, ""]);
// Exports
/* harmony default export */ const __WEBPACK_DEFAULT_EXPORT__ = (___CSS_LOADER_EXPORT___);

/* harmony export */ __webpack_require__.d(__webpack_exports__, [
/* harmony export */   "A", 0, __WEBPACK_DEFAULT_EXPORT__
/* harmony export */ ]);


/***/ },

/***/ 26
(module, __webpack_exports__, __webpack_require__) {

/* harmony import */ var _node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0__ = __webpack_require__(15);
/* harmony import */ var _node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0___default = /*#__PURE__*/__webpack_require__.n(_node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0__);
/* harmony import */ var _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1__ = __webpack_require__(16);
/* harmony import */ var _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1___default = /*#__PURE__*/__webpack_require__.n(_node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1__);
// Imports


var ___CSS_LOADER_EXPORT___ = _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1___default()((_node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0___default()));
// Module
___CSS_LOADER_EXPORT___.push([module.id, `/* The panel. Every rule begins with .nwa-panel; colours follow JupyterLab's theme and are readable without it. */
.nwa-panel {
  --nwa-bg: var(--jp-layout-color1, Canvas);
  --nwa-soft: var(--jp-layout-color2, rgba(127, 127, 127, 0.12));
  --nwa-text: var(--jp-ui-font-color1, CanvasText);
  --nwa-faint: color-mix(in srgb, var(--nwa-text) 78%, var(--nwa-bg));
  --nwa-line: var(--jp-border-color1, rgba(127, 127, 127, 0.5));
  --nwa-main: var(--jp-brand-color0, #0d47a1);
  --nwa-bad: color-mix(in srgb, var(--jp-error-color1, #c62828) 65%, var(--nwa-text));
  position: relative;
  display: flex;
  flex-direction: column;
  box-sizing: border-box;
  contain: content;
  height: 600px;
  min-height: 320px;
  max-height: 90vh;
  resize: vertical;
  overflow: hidden;
  border: 1px solid var(--nwa-line);
  border-radius: 6px;
  background: var(--nwa-bg);
  color: var(--nwa-text);
  font-family: var(--jp-ui-font-family, system-ui, sans-serif);
  font-size: var(--jp-ui-font-size1, 13px);
}
.nwa-panel.nwa-full { height: 100%; min-height: 0; max-height: none; resize: none; border: 0; border-radius: 0; }
.nwa-panel *, .nwa-panel *::before { box-sizing: border-box; }
.nwa-panel [hidden] { display: none !important; }
.nwa-panel .nwa-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.nwa-panel.nwa-drop { outline: 2px dashed var(--nwa-main); outline-offset: -6px; }
.nwa-panel p { margin: 0.4em 0; }

/* controls */
.nwa-panel button, .nwa-panel select, .nwa-panel input, .nwa-panel textarea { font: inherit; color: inherit; }
.nwa-panel button, .nwa-panel select {
  min-height: 28px; padding: 3px 10px; border: 1px solid var(--nwa-line); border-radius: 4px; background: var(--nwa-bg); cursor: pointer;
}
.nwa-panel select option { background: var(--nwa-bg); color: var(--nwa-text); }
.nwa-panel button:hover { background: var(--nwa-soft); }
.nwa-panel button:disabled { opacity: 0.6; cursor: default; }
.nwa-panel .nwa-icon { display: inline-flex; align-items: center; justify-content: center; width: 30px; padding: 0; flex: none; }
.nwa-panel .nwa-main { border-color: var(--nwa-main); background: var(--nwa-main); color: #fff; }
.nwa-panel .nwa-main:hover { background: var(--nwa-main); filter: brightness(1.15); }
.nwa-panel .nwa-stop, .nwa-panel .nwa-danger { border-color: var(--nwa-bad); color: var(--nwa-bad); }
.nwa-panel :focus-visible { outline: 2px solid var(--jp-brand-color1, Highlight); outline-offset: 1px; }
.nwa-panel input:is([type="text"], [type="search"]), .nwa-panel textarea {
  width: 100%; padding: 5px 8px; border: 1px solid var(--nwa-line); border-radius: 4px;
  background: var(--jp-input-background, Field); color: var(--nwa-text);
}
.nwa-panel ::placeholder { color: var(--nwa-faint); opacity: 1; }
.nwa-panel .nwa-row { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; margin-top: 6px; }
.nwa-panel .nwa-row input[type="text"] { flex: 1 1 140px; width: auto; }
.nwa-panel .nwa-space { flex: 1; }

/* head */
.nwa-panel .nwa-head { container-type: inline-size; display: flex; align-items: center; gap: 6px; padding: 6px 10px; border-bottom: 1px solid var(--nwa-line); }
.nwa-panel h2 { flex: 1; min-width: 0; margin: 0; overflow: hidden; font-size: 1em; font-weight: 600; text-overflow: ellipsis; white-space: nowrap; }

/* transcript */
.nwa-panel .nwa-middle { container-type: inline-size; position: relative; flex: 1; min-height: 0; }
.nwa-panel .nwa-log { contain: strict; height: 100%; background: var(--nwa-bg); padding: 8px 12px; overflow: hidden auto; overscroll-behavior: contain; }
.nwa-panel .nwa-newer { position: absolute; bottom: 8px; left: 50%; transform: translateX(-50%); }
.nwa-panel .nwa-item { position: relative; margin: 10px 0; contain: layout style; overflow-wrap: anywhere; }
.nwa-panel .nwa-item p, .nwa-panel .nwa-item li, .nwa-panel .nwa-item h1, .nwa-panel .nwa-item h2, .nwa-panel .nwa-item h3, .nwa-panel .nwa-item h4,
.nwa-panel .nwa-item td, .nwa-panel .nwa-item th, .nwa-panel .nwa-item blockquote { unicode-bidi: plaintext; text-align: start; }
.nwa-panel .nwa-parts h1, .nwa-panel .nwa-parts h2, .nwa-panel .nwa-parts h3 { margin: 0.7em 0 0.3em; font-size: 1.15em; font-weight: 600; white-space: normal; }
.nwa-panel .nwa-parts ul, .nwa-panel .nwa-parts ol { margin: 0.3em 0; padding-inline-start: 1.6em; }
.nwa-panel .nwa-user { margin-inline-start: 12%; padding: 6px 10px; border-radius: 6px; background: var(--nwa-soft); }
.nwa-panel .nwa-said { white-space: pre-wrap; }
.nwa-panel .nwa-user:has(> .nwa-edit) { padding-inline-end: 36px; }
.nwa-panel .nwa-edit { position: absolute; top: 2px; inset-inline-end: 2px; border-color: transparent; background: none; }
.nwa-panel .nwa-undone > .nwa-edit { display: none; }
.nwa-panel .nwa-answer { padding-inline-end: 34px; font-size: var(--jp-content-font-size1, 14px); }
.nwa-panel .nwa-copy-answer { position: absolute; top: 0; inset-inline-end: 0; border-color: transparent; }
.nwa-panel .nwa-thinking > summary, .nwa-panel .nwa-notice, .nwa-panel .nwa-end, .nwa-panel .nwa-status, .nwa-panel .nwa-empty { color: var(--nwa-faint); }
.nwa-panel .nwa-thought { max-height: 240px; padding: 4px 12px; overflow-y: auto; border-inline-start: 2px solid var(--nwa-line); white-space: pre-wrap; color: var(--nwa-faint); }
.nwa-panel .nwa-failed, .nwa-panel .nwa-failed span { color: var(--nwa-bad); }
.nwa-panel .nwa-end { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 4px; font-size: 0.92em; border-bottom: 1px solid var(--jp-border-color2, rgba(127, 127, 127, 0.3)); padding-bottom: 6px; }
.nwa-panel .nwa-end button { padding-inline: 5px; }
.nwa-panel .nwa-end button:not(.nwa-go-on) { border-color: transparent; }
.nwa-panel .nwa-end:not(:last-child) :is(.nwa-go-on, .nwa-again) { display: none; }
.nwa-panel .nwa-undone { color: var(--nwa-faint); border-inline-start: 2px solid var(--nwa-line); padding-inline-start: 8px; }
.nwa-panel .nwa-undone .nwa-said { text-decoration: line-through; }
.nwa-panel .nwa-empty { padding: 24px 12px; text-align: center; }
.nwa-panel .nwa-starters { display: flex; flex-wrap: wrap; justify-content: center; gap: 6px; }

/* tool cards */
.nwa-panel .nwa-tool { position: relative; border: 1px solid var(--jp-border-color2, rgba(127, 127, 127, 0.4)); border-radius: 5px; }
.nwa-panel .nwa-tool > details > summary { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 10px; padding: 5px 10px; cursor: pointer; list-style: none; }
.nwa-panel .nwa-tool > details > summary::before { content: "▸"; }
.nwa-panel .nwa-tool > details[open] > summary::before { content: "▾"; }
.nwa-panel .nwa-title { flex: 1 1 90px; min-width: 0; font-weight: 600; }
.nwa-panel .nwa-state { max-width: 100%; color: var(--nwa-faint); text-align: end; }
.nwa-panel .nwa-tool[data-state="waiting"] .nwa-state { animation: nwa-later 0s 0.4s both; }
.nwa-panel .nwa-tool[data-state="error"] .nwa-state, .nwa-panel .nwa-tool[data-state="denied"] .nwa-state { color: var(--nwa-bad); }
.nwa-panel .nwa-tool[data-state="running"], .nwa-panel .nwa-tool[data-state="asking"] { border-color: var(--jp-brand-color1, Highlight); }
@keyframes nwa-later { from { visibility: hidden; } to { visibility: visible; } }
.nwa-panel .nwa-place, .nwa-panel .nwa-input, .nwa-panel .nwa-tool > details > .nwa-parts { padding: 0 10px; }
.nwa-panel .nwa-tool > details > .nwa-parts { max-height: 420px; overflow: auto; }
.nwa-panel .nwa-tool pre { margin: 4px 0; }
.nwa-panel .nwa-code { position: relative; }
.nwa-panel .nwa-code pre { max-height: 360px; overflow: auto; white-space: pre; overflow-wrap: normal; direction: ltr; text-align: left; tab-size: 4; }
.nwa-panel .nwa-whole pre { white-space: break-spaces; overflow-wrap: anywhere; }
.nwa-panel.nwa .nwa-code pre { padding-inline-end: 32px; } /* not below the button */
.nwa-panel .nwa-code .nwa-tools { position: absolute; top: 2px; right: 2px; display: flex; gap: 2px; }
.nwa-panel .nwa-tools button { width: 24px; min-height: 22px; border-color: transparent; color: var(--nwa-faint); }
.nwa-panel .nwa-tools button:is(:hover, :focus-visible) { color: var(--nwa-text); }
.nwa-panel .nwa-of-cell > details > summary { padding-inline-end: 90px; }
.nwa-panel .nwa-reveal { position: absolute; top: 4px; inset-inline-end: 6px; width: 78px; min-height: 22px; padding: 0; font-size: 0.92em; }
.nwa-panel .nwa-unfinished .nwa-into { display: none; }
.nwa-panel pre { background: var(--jp-cell-editor-background, rgba(127, 127, 127, 0.1)); color: var(--nwa-text); font-family: var(--jp-code-font-family, ui-monospace, monospace); font-size: var(--jp-code-font-size, 13px); }
.nwa-panel .nwa-parts pre.nwa-stdout, .nwa-panel .nwa-parts pre.nwa-result { background: transparent; border: 0; padding-block: 2px; padding-inline-start: 0; white-space: pre-wrap; }
.nwa-panel pre.nwa-stderr, .nwa-panel pre.nwa-error { background: var(--jp-rendermime-error-background, rgba(200, 40, 40, 0.12)); white-space: pre-wrap; overflow-wrap: anywhere; }
.nwa-panel .nwa-bold { font-weight: 700; }
.nwa-panel .nwa-ansi-1 { color: var(--nwa-bad); }
.nwa-panel .nwa-ansi-2 { color: var(--jp-success-color0, #1b5e20); }
.nwa-panel .nwa-ansi-3 { color: var(--jp-warn-color0, #a65500); }
.nwa-panel .nwa-ansi-4, .nwa-panel .nwa-ansi-6 { color: var(--nwa-link, var(--jp-content-link-color, #0d47a1)); }
.nwa-panel .nwa-ansi-5 { color: #8e24aa; }
.nwa-panel .nwa-scroll { overflow-x: auto; }
.nwa-panel .nwa-scroll :is(th, td) { overflow-wrap: break-word; } /* a table that is too wide is scrolled, its words and numbers stay whole */
.nwa-panel .nwa-data table { font-size: 0.95em; }
.nwa-panel .nwa-picture { display: inline-block; max-width: min(100%, 420px); min-height: 0; margin: 4px 0; padding: 0; background: #fff; cursor: zoom-in; }
.nwa-panel .nwa-picture.nwa-wide { max-width: 100%; width: 100%; cursor: zoom-out; }
.nwa-panel .nwa-picture img { display: block; width: auto; max-width: 100%; height: auto; margin: 0 auto; }
.nwa-panel .nwa-picture img:not([src]) { width: 320px; height: 160px; visibility: hidden; }
.nwa-panel .nwa-picture.nwa-wide img { width: 100%; }
.nwa-panel .nwa-approval { margin: 6px 10px 10px; padding: 8px 10px; border: 1px solid var(--jp-brand-color1, Highlight); border-radius: 4px; }
.nwa-panel fieldset { margin: 0 0 8px; padding: 4px 0; border: 0; }
.nwa-panel legend, .nwa-panel dt { font-weight: 600; }
.nwa-panel dd { margin-inline-start: 1em; }
.nwa-panel fieldset label { display: flex; flex-wrap: wrap; align-items: baseline; gap: 6px; padding: 2px 0; }
.nwa-panel small { color: var(--nwa-faint); font-size: 0.92em; }

/* foot */
.nwa-panel .nwa-status { min-height: 1.5em; padding: 0 12px; font-size: 0.92em; }
.nwa-panel .nwa-trouble:not(:empty) { display: flex; align-items: center; gap: 8px; margin: 4px 12px; padding: 4px 8px; border: 1px solid var(--nwa-bad); border-radius: 4px; }
.nwa-panel .nwa-trouble span { flex: 1; }
.nwa-panel .nwa-sign-in { margin: 4px 12px; padding: 8px; border: 1px solid var(--nwa-line); border-radius: 4px; }
.nwa-panel .nwa-sign-in p { margin: 0 0 6px; }
.nwa-panel .nwa-sign-in p:empty { display: none; }
.nwa-panel .nwa-sign-in .nwa-row + p { margin: 6px 0 0; color: var(--nwa-bad); }
.nwa-panel .nwa-sign-in input { flex: 1 1 12em; min-width: 0; min-height: 28px; padding: 3px 8px; border: 1px solid var(--nwa-line); border-radius: 4px; background: var(--nwa-bg); color: var(--nwa-text); }
.nwa-panel .nwa-composer { container-type: inline-size; padding: 6px 12px 10px; border-top: 1px solid var(--nwa-line); }
.nwa-panel .nwa-field { position: relative; }
.nwa-panel textarea { display: block; field-sizing: content; min-height: 44px; max-height: 200px; resize: none; line-height: 1.4; }
.nwa-panel .nwa-composer > .nwa-row { flex-wrap: nowrap; }
.nwa-panel .nwa-composer select { flex: 0 1 auto; min-width: 0; text-overflow: ellipsis; }
.nwa-panel .nwa-fix { max-width: 100%; margin-bottom: 6px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.nwa-panel .nwa-chips { display: flex; flex-wrap: wrap; gap: 4px; margin: 4px 0; padding: 0; list-style: none; }
.nwa-panel .nwa-chips li { display: inline-flex; align-items: center; max-width: 100%; padding: 1px 8px; border: 1px solid var(--nwa-line); border-radius: 10px; font-size: 0.92em; }
.nwa-panel .nwa-chips img { width: 28px; height: 28px; margin-inline: -4px 6px; border-radius: 3px; object-fit: cover; }
.nwa-panel .nwa-chips small { margin-inline-start: 6px; color: var(--nwa-faint); white-space: nowrap; }
.nwa-panel .nwa-chips .nwa-icon { width: 20px; min-height: 20px; border: 0; background: none; }
.nwa-panel .nwa-queue { display: grid; grid-template-columns: minmax(0, 1fr); gap: 2px; max-height: 120px; margin: 4px 0; padding: 0; overflow-y: auto; list-style: none; }
.nwa-panel .nwa-queue li { display: flex; align-items: center; gap: 6px; padding: 1px 4px 1px 8px; border: 1px dashed var(--nwa-line); border-radius: 4px; font-size: 0.92em; }
.nwa-panel .nwa-queue span { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.nwa-panel .nwa-editing { display: flex; align-items: center; gap: 6px; margin: 4px 0; padding: 1px 4px 1px 8px; border: 1px dashed var(--nwa-line); border-radius: 4px; font-size: 0.92em; }
.nwa-panel .nwa-editing[hidden] { display: none; }
.nwa-panel .nwa-editing span { flex: 1; min-width: 0; }
.nwa-panel .nwa-completions { position: absolute; bottom: 100%; z-index: 2; left: 0; right: 0; max-height: 220px; margin: 0 0 4px; padding: 4px; overflow-y: auto; list-style: none; border: 1px solid var(--nwa-line); border-radius: 4px; background: var(--nwa-bg); box-shadow: 0 2px 8px rgba(0, 0, 0, 0.25); }
.nwa-panel .nwa-completions li { display: flex; justify-content: space-between; gap: 12px; padding: 3px 8px; cursor: pointer; }
.nwa-panel .nwa-completions li > span { flex: none; max-width: 70%; }
.nwa-panel .nwa-completions li > small { text-align: end; }
.nwa-panel .nwa-completions li[aria-selected="true"] { background: var(--nwa-soft); outline: 1px solid var(--nwa-line); }
@container (max-width: 480px) {
  .nwa-panel.nwa .nwa-code:has(.nwa-into) pre { padding-top: 30px; } /* the buttons have a line of their own */
}
@container (max-width: 340px) {
  .nwa-panel .nwa-head > small:last-of-type { display: none; } /* the cost is in the session's dialog, too */
  .nwa-panel .nwa-composer > .nwa-row { flex-wrap: wrap; }
  .nwa-panel .nwa-composer select { flex: 1 1 calc(50% - 6px); order: -1; } /* beside each other, above the buttons */
  .nwa-panel .nwa-queue li { flex-wrap: wrap; }
  .nwa-panel .nwa-queue span { flex-basis: 100%; }
}

/* dialogs */
.nwa-panel .nwa-dialog { width: min(560px, 92vw); max-height: 80vh; padding: 12px 16px; overflow-y: auto; border: 1px solid var(--nwa-line); border-radius: 6px; background: var(--nwa-bg); color: var(--nwa-text); }
.nwa-panel .nwa-dialog header { display: flex; align-items: center; gap: 8px; margin-bottom: 8px; }
.nwa-panel .nwa-undo fieldset { border: 0; margin: 0 0 8px; padding: 0; }
.nwa-panel .nwa-undo ul { list-style: none; margin: 0; padding-inline-start: 22px; }
.nwa-panel .nwa-undo section ul { list-style: disc; color: var(--nwa-faint); }
.nwa-panel .nwa-undo h3 { margin: 8px 0 2px; font-size: 1em; }
.nwa-panel .nwa-undo label { display: flex; gap: 6px; align-items: baseline; overflow-wrap: anywhere; }
.nwa-panel .nwa-account h3 { margin: 12px 0 4px; font-size: 1em; }
.nwa-panel .nwa-account p { margin: 0 0 4px; }
.nwa-panel .nwa-account ul, .nwa-panel .nwa-account ol { margin: 0 0 6px; padding: 0; list-style: none; }
.nwa-panel .nwa-account li { display: flex; align-items: center; gap: 8px; padding: 2px 0; }
.nwa-panel .nwa-account li > span { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.nwa-panel .nwa-account small { color: var(--nwa-faint); white-space: nowrap; }
.nwa-panel .nwa-account li > small { min-width: 76px; text-align: end; }
.nwa-panel .nwa-account meter { width: 90px; }
.nwa-panel .nwa-dialog::backdrop { background: rgba(0, 0, 0, 0.35); }
.nwa-panel .nwa-target { padding: 6px 8px; overflow-wrap: anywhere; background: var(--nwa-soft); font-family: var(--jp-code-font-family, monospace); }
.nwa-panel .nwa-sessions { margin: 0; padding: 0; list-style: none; }
.nwa-panel .nwa-sessions li { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; padding: 4px 0; border-bottom: 1px solid var(--jp-border-color2, rgba(127, 127, 127, 0.3)); }
.nwa-panel .nwa-session { display: flex; flex: 1 1 200px; flex-direction: column; align-items: flex-start; min-width: 0; text-align: start; overflow-wrap: anywhere; }

@media (prefers-reduced-motion: no-preference) {
  .nwa-panel.nwa-busy .nwa-status::before { content: "●"; margin-inline-end: 6px; color: var(--jp-brand-color1, Highlight); animation: nwa-pulse 1.4s infinite; }
  @keyframes nwa-pulse { 50% { opacity: 0.25; } }
}
@media (prefers-reduced-motion: reduce) {
  .nwa-panel.nwa-busy .nwa-status::before { content: "● "; color: var(--jp-brand-color1, Highlight); }
}
@media (forced-colors: active) {
  .nwa-panel .nwa-main { forced-color-adjust: none; }
}
`, ""]);
// Exports
/* harmony default export */ const __WEBPACK_DEFAULT_EXPORT__ = (___CSS_LOADER_EXPORT___);

/* harmony export */ __webpack_require__.d(__webpack_exports__, [
/* harmony export */   "A", 0, __WEBPACK_DEFAULT_EXPORT__
/* harmony export */ ]);


/***/ },

/***/ 27
(module, __webpack_exports__, __webpack_require__) {

/* harmony import */ var _node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0__ = __webpack_require__(15);
/* harmony import */ var _node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0___default = /*#__PURE__*/__webpack_require__.n(_node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0__);
/* harmony import */ var _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1__ = __webpack_require__(16);
/* harmony import */ var _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1___default = /*#__PURE__*/__webpack_require__.n(_node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1__);
// Imports


var ___CSS_LOADER_EXPORT___ = _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1___default()((_node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0___default()));
// Module
___CSS_LOADER_EXPORT___.push([module.id, `/* The side bar around a chat: what it says while there is none. Every rule begins with .nwa-beside. */
.nwa-beside { display: flex; flex-direction: column; height: 100%; background: var(--jp-layout-color1); color: var(--jp-ui-font-color1); font-size: var(--jp-ui-font-size1); }
.nwa-beside > .nwa-panel { flex: 1; min-height: 0; }
.nwa-beside[hidden], .nwa-beside [hidden] { display: none !important; }
.nwa-beside .nwa-says { padding: 16px; overflow: auto; overflow-wrap: anywhere; line-height: 1.5; }
.nwa-beside .nwa-says:focus { outline: none; }
.nwa-beside .nwa-says p { margin: 0 0 10px; }
.nwa-beside .nwa-says pre { margin: 0 0 10px; padding: 8px; border: 1px solid var(--jp-border-color1); border-radius: 4px; background: var(--jp-layout-color2); color: inherit; font-family: var(--jp-code-font-family); font-size: var(--jp-code-font-size); white-space: pre-wrap; user-select: all; }
.nwa-beside .nwa-says button { min-height: 28px; padding: 3px 10px; border: 1px solid var(--jp-border-color1); border-radius: 4px; background: var(--jp-layout-color1); color: inherit; font: inherit; cursor: pointer; }
.nwa-beside .nwa-says button:hover { background: var(--jp-layout-color2); }
.nwa-beside .nwa-says :focus-visible { outline: 2px solid var(--jp-brand-color1); outline-offset: 1px; }
`, ""]);
// Exports
/* harmony default export */ const __WEBPACK_DEFAULT_EXPORT__ = (___CSS_LOADER_EXPORT___);

/* harmony export */ __webpack_require__.d(__webpack_exports__, [
/* harmony export */   "A", 0, __WEBPACK_DEFAULT_EXPORT__
/* harmony export */ ]);


/***/ },

/***/ 29
(module, __webpack_exports__, __webpack_require__) {

/* harmony import */ var _node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0__ = __webpack_require__(15);
/* harmony import */ var _node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0___default = /*#__PURE__*/__webpack_require__.n(_node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0__);
/* harmony import */ var _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1__ = __webpack_require__(16);
/* harmony import */ var _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1___default = /*#__PURE__*/__webpack_require__.n(_node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1__);
// Imports


var ___CSS_LOADER_EXPORT___ = _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1___default()((_node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0___default()));
// Module
___CSS_LOADER_EXPORT___.push([module.id, `/* The tabs of the side bar, and the table of variables. */
.nwa-beside .nwa-tabbed { display: flex; flex-direction: column; flex: 1; min-height: 0; }
.nwa-beside .nwa-page, .nwa-beside .nwa-variables { flex: 1; min-height: 0; }
.nwa-beside .nwa-tabs { display: flex; border-bottom: 1px solid var(--jp-border-color1); }
.nwa-beside .nwa-tabs button { flex: 1; padding: 6px; border: 0; border-bottom: 2px solid transparent; background: transparent; color: inherit; font: inherit; cursor: pointer; }
.nwa-beside .nwa-tabs [aria-selected="true"] { border-color: var(--jp-brand-color1); font-weight: 600; }
.nwa-beside .nwa-tabs button:focus-visible, .nwa-beside .nwa-variables :focus-visible { outline: 2px solid var(--jp-brand-color1); outline-offset: -2px; }
.nwa-beside .nwa-variables { display: flex; flex-direction: column; gap: 8px; padding: 8px; }
.nwa-beside .nwa-variables input { padding: 5px 8px; border: 1px solid var(--jp-border-color1); border-radius: 4px; background: var(--jp-input-background); color: inherit; font: inherit; }
.nwa-beside .nwa-variables input::placeholder { color: inherit; opacity: 1; }
.nwa-beside .nwa-variables p { margin: 0; }
.nwa-beside .nwa-variables .nwa-scroll { flex: 1; min-height: 0; overflow: auto; }
.nwa-beside .nwa-variables table { width: 100%; border-collapse: collapse; font-size: inherit; }
.nwa-beside .nwa-variables th, .nwa-beside .nwa-variables td { padding: 4px 6px; border-bottom: 1px solid var(--jp-border-color2); text-align: start; vertical-align: top; overflow-wrap: break-word; font-weight: inherit; }
.nwa-beside .nwa-variables td:nth-child(3), .nwa-beside .nwa-variables thead th { white-space: nowrap; }
.nwa-beside .nwa-variables thead th { position: sticky; top: 0; background: var(--jp-layout-color1); }
.nwa-beside .nwa-variables thead button { padding: 0; border: 0; background: transparent; color: inherit; font: inherit; font-weight: 600; cursor: pointer; }
.nwa-beside .nwa-variables [aria-sort="ascending"] button::after { content: " ↑"; }
.nwa-beside .nwa-variables [aria-sort="descending"] button::after { content: " ↓"; }
.nwa-beside .nwa-variables tbody button { padding: 0; border: 0; background: transparent; color: var(--jp-content-link-color); font-family: var(--jp-code-font-family); text-align: start; cursor: pointer; }
.nwa-beside .nwa-variables small { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; font-size: inherit; opacity: 0.85; }
.nwa-beside .nwa-variables .nwa-size { white-space: nowrap; }
`, ""]);
// Exports
/* harmony default export */ const __WEBPACK_DEFAULT_EXPORT__ = (___CSS_LOADER_EXPORT___);

/* harmony export */ __webpack_require__.d(__webpack_exports__, [
/* harmony export */   "A", 0, __WEBPACK_DEFAULT_EXPORT__
/* harmony export */ ]);


/***/ },

/***/ 23
(__unused_webpack_module, __webpack_exports__, __webpack_require__) {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   Dh: () => (/* binding */ openDialog),
/* harmony export */   Dk: () => (/* binding */ copyText),
/* harmony export */   NF: () => (/* binding */ uniqueId),
/* harmony export */   el: () => (/* binding */ el),
/* harmony export */   we: () => (/* binding */ confirmOn),
/* harmony export */   x6: () => (/* binding */ button)
/* harmony export */ });
// @ts-check
// Small helpers for the page. Text goes in as text; only what Python has sanitized goes in as HTML.

/** @import { Translation } from "./translation.js" */

/**
 * An element with properties, listeners (`onclick` …), attributes and children.
 * @param {string} tag Tag and classes: "button.nwa-quiet".
 * @param {Record<string, any>} [given]
 * @param {...(Node | string | null | undefined)} children
 * @returns {any}
 */
function el(tag, given = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const made = document.createElement(name);
  made.classList.add(...classes);
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "text") made.textContent = value;
    else if (key in made && !key.startsWith("aria")) /** @type {any} */ (made)[key] = value;
    else made.setAttribute(key, String(value));
  }
  made.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child !== null && child !== undefined)));
  return made;
}

const ICONS = {
  add: "M12 5v14M5 12h14",
  below: "M5 4h14v5H5zM12 13v7M8.5 16.5h7",
  clip: "M8 12.5 14.5 6a3 3 0 0 1 4.2 4.2l-8.5 8.6a5 5 0 0 1-7-7.1L11 4",
  close: "M6 6l12 12M18 6 6 18",
  compare: "M12 3v18M5 7h4M5 12h4M15 12h4M17 10v4M15 17h4",
  copy: "M9 9h10v11H9zM5 15V4h10",
  edit: "M5 19l1-4L16 5l3 3L9 18zM14 7l3 3",
  done: "M5 12.5 10 17l9-10",
  gauge: "M5 17a8 8 0 1 1 14 0M12 14l4-5",
  into: "M4 5h16v14H4zM12 8v7M9 12.5l3 3 3-3",
  list: "M5 6h14M5 12h14M5 18h14",
  send: "M5 12h13M12 5l7 7-7 7",
  stop: "M7 7h10v10H7z",
};

/**
 * A drawing that says nothing to a screen reader.
 * @param {keyof typeof ICONS} name
 */
function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", width: 16, height: 16, "aria-hidden": "true" })) {
    svg.setAttribute(key, String(value));
  }
  const path = document.createElementNS(space, "path");
  for (const [key, value] of Object.entries({
    d: ICONS[name], fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round",
  })) {
    path.setAttribute(key, String(value));
  }
  svg.append(path);
  return svg;
}

/**
 * A button; with an icon its label is for screen readers and the tooltip.
 * @param {string} label
 * @param {(event: MouseEvent) => void} onclick
 * @param {{icon?: keyof typeof ICONS, css?: string, title?: string}} [look]
 * @returns {HTMLButtonElement}
 */
function button(label, onclick, look = {}) {
  const css = look.css ? `.${look.css}` : "";
  if (!look.icon) return el(`button${css}`, { type: "button", onclick, title: look.title, text: label });
  return el(`button.nwa-icon${css}`, { type: "button", onclick, title: look.title ?? label, "aria-label": label }, icon(look.icon));
}

/**
 * Put text on the clipboard and say so on the button.
 * @param {HTMLElement} from
 * @param {string} text
 * @param {string} done
 */
async function copyText(from, text, done) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No permission, or no secure context: the old way.
    const field = el("textarea", { value: text, "aria-hidden": "true" });
    field.style.position = "fixed";
    field.style.opacity = "0";
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    from.focus();
  }
  confirmOn(from, done);
}

/**
 * Say on a button, for a moment, that it is done.
 * @param {HTMLElement} from
 * @param {string} done
 */
function confirmOn(from, done) {
  const before = [...from.childNodes];
  const label = from.getAttribute("aria-label");
  from.replaceChildren(icon("done"));
  from.setAttribute("aria-label", done);
  setTimeout(() => {
    from.replaceChildren(...before);
    if (label !== null) from.setAttribute("aria-label", label);
  }, 1500);
}

/**
 * A modal dialog that leaves the page when it closes and gives the focus back.
 * @param {Translation} trans
 * @param {HTMLElement} root
 * @param {string} title
 * @param {...(Node | string)} content
 * @returns {HTMLDialogElement}
 */
function openDialog(trans, root, title, ...content) {
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const heading = el("h2", { text: title, id: uniqueId("title") });
  const shut = button(trans.__("Close"), () => dialog.close(), { icon: "close" });
  /** @type {HTMLDialogElement} */
  const dialog = el("dialog.nwa-dialog", { "aria-labelledby": heading.id }, el("header", {}, heading, shut), ...content);
  dialog.addEventListener("close", () => {
    dialog.remove();
    before?.focus();
  });
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  root.append(dialog);
  dialog.showModal();
  return dialog;
}

let lastId = 0;
/** @param {string} stem */
function uniqueId(stem) {
  lastId += 1;
  return `nwa-${stem}-${Date.now().toString(36)}-${lastId}`;
}


/***/ },

/***/ 24
(__unused_webpack_module, __webpack_exports__, __webpack_require__) {


// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  Beside: () => (/* binding */ Beside)
});

// EXTERNAL MODULE: ../neuroworkflow_agent/surfaces/panel/js/dom.js
var dom = __webpack_require__(23);
;// ../neuroworkflow_agent/surfaces/panel/js/notebook.js
// @ts-check
// The notebook that is open in this page, as the kernel sees and edits it, with nothing on the screen.
// The kernel names the page that it means; what it asks is checked and done in one go, so that nobody types in between.

/**
 * @typedef {{send(message: any): void, receive(listener: (message: any) => void): () => void, context(): any}} PageLink
 *   The way to the kernel, and the context of the document that the page shows; null where there is none.
 * @typedef {{type: string, source: string, count: number | null, outputs: string[], busy: boolean}} Line
 * @typedef {{seq: number, order: string[], cells: Map<string, Line>}} Seen
 * @typedef {{op: string, cell: string, after?: string, content?: any, kept?: boolean, at?: number, remove?: number,
 *   insert?: string, outputs?: any[], count?: number | null, checked?: boolean}} Change
 */

const HELLO_MS = 400;
const HELLOS = 30;
const MAX_ANSWER = 8_000_000; // A Jupyter server closes the connection at 10 MiB.
const MAX_TEXT = 200_000;
const MAX_OUTPUTS = 4_000_000;
const MAX_UNFINISHED = 4; // Messages in parts; a kernel that has died sends no last one.
const MAX_KEPT = 32_000_000; // Characters of deleted cells, the oldest of which cannot be put back any more.

class NotebookPage {
  /** @param {PageLink} link */
  constructor(link) {
    this.link = link;
    this.id = globalThis.crypto?.randomUUID?.() ?? `page-${Math.random()}-${Date.now()}`;
    this.usedAt = document.hasFocus() ? Date.now() : 0;
    /** What each reader was told last. @type {Map<string, Seen>} */
    this.readers = new Map();
    /** Cells that were deleted for the agent, to be put back whole. @type {Map<string, any>} */
    this.kept = new Map();
    /** Cells whose code the agent runs. @type {Set<string>} */
    this.marked = new Set();
    /** @type {Map<string, string[]>} */
    this.parts = new Map();
    this.onUse = () => {
      this.usedAt = Date.now();
    };
    this.onStatus = (/** @type {any} */ _session, /** @type {string} */ status) => {
      if (["restarting", "autorestarting", "terminating", "dead"].includes(status)) this.unmarkAll();
    };
    this.status = link.context()?.sessionContext?.statusChanged;
    this.status?.connect(this.onStatus);
    this.end = link.receive((message) => this.receive(message));
    for (const kind of ["focus", "pointerdown", "keydown"]) window.addEventListener(kind, this.onUse, true);
    this.hello(HELLOS);
  }

  /** Say that this page is there until that is heard: the subshell that is to hear it may not have begun. @param {number} left */
  hello(left) {
    this.tellHere({});
    if (left > 1) this.again = setTimeout(() => this.hello(left - 1), HELLO_MS);
  }

  close() {
    clearTimeout(this.again);
    this.unmarkAll();
    this.status?.disconnect(this.onStatus);
    this.end();
    for (const kind of ["focus", "pointerdown", "keydown"]) window.removeEventListener(kind, this.onUse, true);
  }

  // -- messages ---------------------------------------------------------------------------------------

  /** @param {any} message */
  receive(message) {
    clearTimeout(this.again);
    if (message.type === "part") this.takePart(message);
    else if (message.type === "who") this.tellHere(message);
    else if (message.page === this.id) this.answer(message);
  }

  /** @param {any} message */
  takePart({ page, id, text, is_last: isLast }) {
    if (page !== this.id) return;
    const parts = this.parts.get(id) ?? [];
    parts.push(text);
    this.parts.set(id, parts);
    dropOldest(this.parts, this.parts.size - MAX_UNFINISHED);
    if (!isLast) return;
    this.parts.delete(id);
    this.receive(JSON.parse(parts.join("")));
  }

  /** Say that this page is there, and what it shows. @param {{request?: string, cell?: string}} asked */
  tellHere({ request = "", cell = "" }) {
    const context = this.link.context();
    this.link.send({
      type: "here",
      request,
      page: this.id,
      client: context?.sessionContext?.session?.kernel?.clientId ?? "",
      path: context?.path ?? "",
      used_at: this.usedAt,
      is_notebook: Boolean(context),
      has_cell: Boolean(context && cell && this.index(context, cell) >= 0),
    });
  }

  /** @param {any} message */
  answer(message) {
    let answer;
    try {
      const context = this.link.context();
      if (!context) throw new Error("the page shows no notebook any more");
      if (message.type === "read") answer = this.read(context, message.reader, message.since);
      else if (message.type === "outputs") answer = { cells: message.cells.map((/** @type {string} */ id) => this.outputs(context, id)) };
      else if (message.type === "apply") answer = this.apply(context, message);
      else if (message.type === "show") answer = this.showSoFar(context, message.cell, message.outputs);
      else if (message.type === "mark") answer = this.mark(context, message.cell, message.is_running);
      else return;
    } catch (error) {
      answer = { trouble: error instanceof Error ? error.message : String(error) };
    }
    if (JSON.stringify(answer).length > MAX_ANSWER) answer = { trouble: "it is larger than a page can send at once" };
    this.link.send({ type: "answer", request: message.request, page: this.id, ...answer });
  }

  // -- reading ----------------------------------------------------------------------------------------

  /** @param {any} context @param {string} id */
  index(context, id) {
    return context.model.sharedModel.cells.findIndex((/** @type {any} */ cell) => cell.getId() === id);
  }

  /** A cell in short. @param {any} cell @param {any} model What JupyterLab keeps of it beside what is shared. @returns {Line} */
  line(cell, model) {
    const shown = cell.cell_type === "code" ? model?.outputs : null;
    const outputs = [];
    for (let at = 0; at < (shown?.length ?? 0); at++) outputs.push(shown.get(at).type);
    return { type: cell.cell_type, source: cell.getSource(), count: cell.execution_count ?? null, outputs, busy: cell.executionState === "running" };
  }

  /**
   * What has changed since a reader was told last; everything if that is not known.
   * @param {any} context @param {string} reader @param {number | null} since
   */
  read(context, reader, since) {
    const known = this.readers.get(reader);
    const before = known && known.seq === since ? known : null;
    const cells = context.model.sharedModel.cells;
    const models = Array.from(context.model.cells);
    /** @type {Map<string, Line>} */
    const now = new Map();
    /** @type {any[]} */
    const changed = [];
    /** @type {string[]} */
    const order = [];
    cells.forEach((/** @type {any} */ cell, /** @type {number} */ index) => {
      const id = cell.getId();
      const line = this.line(cell, models[index]);
      order.push(id);
      now.set(id, line);
      const was = before?.cells.get(id);
      if (!was || !isSame(was, line)) changed.push({ id, ...line });
    });
    const isMoved = !before || !isSameList(before.order, order);
    const seq = (known?.seq ?? 0) + 1;
    this.readers.set(reader, { seq, order, cells: now });
    return { seq, is_all: !before, order: isMoved ? order : null, changed };
  }

  /** What a cell shows, with what is too long cut. @param {any} context @param {string} id */
  outputs(context, id) {
    const cell = context.model.sharedModel.cells[this.index(context, id)];
    if (!cell) return { id, outputs: [] };
    const { outputs = [], attachments = {} } = cell.toJSON();
    let room = MAX_OUTPUTS;
    const cut = (/** @type {any} */ value) => {
      const text = Array.isArray(value) ? value.join("") : value;
      if (typeof text !== "string") return text;
      const isPicture = text.length > MAX_TEXT && /^[A-Za-z0-9+/=\s]*$/.test(text.slice(0, 1000));
      const short = text.length <= MAX_TEXT || isPicture ? text : `${text.slice(0, MAX_TEXT / 2)}\n[…]\n${text.slice(-MAX_TEXT / 2)}`;
      room -= short.length;
      return room < 0 ? "[too large to be read from the page]" : short;
    };
    for (const output of outputs) {
      if ("text" in output) output.text = cut(output.text);
      for (const kind of Object.keys(output.data ?? {})) output.data[kind] = cut(output.data[kind]);
    }
    return { id, outputs, attachments: Object.keys(attachments) };
  }

  // -- editing ----------------------------------------------------------------------------------------

  /**
   * Make changes, all or none; `stale` with what has changed if they were meant for another state.
   * @param {any} context @param {{reader: string, base: number, changes: Change[]}} message
   */
  apply(context, { reader, base, changes }) {
    const seen = this.readers.get(reader);
    if (!seen || seen.seq !== base) return { is_stale: true, ...this.read(context, reader, null) };
    const order = context.model.sharedModel.cells.map((/** @type {any} */ cell) => cell.getId());
    const added = new Set();
    for (const change of changes) {
      const problem = this.problem(context, change, seen, order, added);
      if (problem === "stale") return { is_stale: true, ...this.read(context, reader, base) };
      if (problem) return { refused: problem, cell: change.cell };
      if (change.op === "insert") added.add(change.cell);
    }
    this.makeAll(context, changes);
    // The reader knows what it asked for; what else has changed by now it is told with its next question.
    const cells = new Map(seen.cells);
    const now = context.model.sharedModel.cells;
    const models = Array.from(context.model.cells);
    for (const { op, cell: id } of changes) {
      const index = this.index(context, id);
      const was = cells.get(id);
      if (index < 0) cells.delete(id);
      else if (!was) cells.set(id, this.line(now[index], models[index]));
      else if (op === "text") cells.set(id, { ...was, source: now[index].getSource() });
      else if (op === "outputs") cells.set(id, { ...this.line(now[index], models[index]), source: was.source, busy: was.busy });
    }
    const isMoved = changes.some(({ op }) => op !== "text" && op !== "outputs");
    const known = isMoved ? now.map((/** @type {any} */ cell) => cell.getId()) : seen.order;
    this.readers.set(reader, { seq: seen.seq + 1, order: known, cells });
    return { seq: seen.seq + 1 };
  }

  /**
   * What is against a change.
   * @param {any} context @param {Change} change @param {Seen} seen @param {string[]} order @param {Set<string>} added
   */
  problem(context, change, seen, order, added) {
    if (change.op !== "outputs" && context.model.readOnly) return "read_only";
    if (change.op === "insert" && change.kept && !this.kept.has(change.cell)) return "lost";
    if (["insert", "move", "delete"].includes(change.op) && !isSameList(seen.order, order)) return "stale";
    if (change.op === "insert" || added.has(change.cell)) return "";
    const cell = context.model.sharedModel.cells[this.index(context, change.cell)];
    if (!cell) return "stale";
    const isChecked = change.op === "text" || change.op === "delete" || change.checked;
    if (isChecked && cell.getSource() !== seen.cells.get(change.cell)?.source) return "stale";
    const lock = { text: "editable", delete: "deletable" }[change.op];
    if (lock && cell.getMetadata(lock) === false) return "locked";
    return change.op !== "outputs" && cell.executionState === "running" ? "running" : "";
  }

  /** Make changes; those already made are taken back if one cannot be. @param {any} context @param {Change[]} changes */
  makeAll(context, changes) {
    /** @type {(() => void)[]} */
    const undo = [];
    try {
      for (const change of changes) {
        undo.unshift(this.undoOf(context, change));
        this.make(context, change);
      }
    } catch (error) {
      for (const takeBack of undo) takeBack();
      throw error;
    }
  }

  /** What takes a change back, whether it is made whole, in part or not at all. @param {any} context @param {Change} change */
  undoOf(context, { op, cell: id }) {
    const notebook = context.model.sharedModel;
    const before = this.index(context, id);
    const was = notebook.cells[before]?.toJSON();
    const kept = this.kept.get(id);
    return () => {
      const now = this.index(context, id);
      const cell = notebook.cells[now];
      if (op === "text") cell.setSource(was.source);
      else if (op === "outputs") {
        cell.setOutputs(was.outputs);
        cell.execution_count = was.execution_count;
      } else if (op === "insert" && now >= 0) notebook.deleteCell(now);
      else if (op === "delete" && now < 0) notebook.insertCell(before, was);
      else if (op === "move" && now !== before) notebook.moveCell(now, before);
      if (kept) this.kept.set(id, kept);
      else this.kept.delete(id);
    };
  }

  /** Remember a cell that is deleted, as far as there is room. @param {string} id @param {any} content */
  keep(id, content) {
    this.kept.set(id, content);
    let room = MAX_KEPT;
    const sizes = [...this.kept.values()].map((each) => JSON.stringify(each).length).reverse();
    dropOldest(this.kept, sizes.filter((size, at) => (room -= size) < 0 && at > 0).length);
  }

  /** @param {any} context @param {Change} change */
  make(context, change) {
    const notebook = context.model.sharedModel;
    const index = this.index(context, change.cell);
    const cell = notebook.cells[index];
    if (change.op === "text") {
      // As a step of its own in the cell's history: Ctrl+Z takes it back, and it alone.
      cell.undoManager?.stopCapturing();
      const { at = 0, remove = 0, insert = "" } = change;
      cell.updateSource(at, at + remove, insert);
      cell.undoManager?.stopCapturing();
    } else if (change.op === "outputs") {
      this.show(context, cell, index, change);
    } else {
      notebook.undoManager?.stopCapturing();
      if (change.op === "insert") {
        const content = change.kept ? this.kept.get(change.cell) : change.content;
        notebook.insertCell(this.place(context, change), content);
        this.kept.delete(change.cell);
      } else if (change.op === "delete") {
        this.keep(change.cell, cell.toJSON());
        notebook.deleteCell(index);
      } else {
        this.move(context, change, index);
      }
      notebook.undoManager?.stopCapturing();
    }
  }

  /** Where a cell is to go. @param {any} context @param {Change} change */
  place(context, { after = "" }) {
    return after ? this.index(context, after) + 1 : 0;
  }

  /** @param {any} context @param {Change} change @param {number} from */
  move(context, change, from) {
    const to = this.place(context, change);
    if (to === from || to === from + 1) return;
    // The place is meant as it is before the cell has left its own.
    context.model.sharedModel.moveCell(from, to > from ? to - 1 : to);
  }

  /** What came of a run. @param {any} context @param {any} cell @param {number} index
   * @param {{outputs?: any[], count?: number | null}} change */
  show(context, cell, index, { outputs = [], count = null }) {
    // As after any run: what the code has shown is trusted, and what was there before is gone.
    cell.setOutputs([]);
    context.model.cells.get(index).trusted = true;
    cell.setOutputs(outputs);
    cell.execution_count = count;
  }

  /** What a cell that the agent runs has put out so far. @param {any} context @param {string} id @param {any[]} outputs */
  showSoFar(context, id, outputs) {
    const index = this.index(context, id);
    const cell = context.model.sharedModel.cells[index];
    if (cell && this.marked.has(id)) this.show(context, cell, index, { outputs });
    return {};
  }

  /** Show that the agent runs a cell's code. @param {any} context @param {string} id @param {boolean} isRunning */
  mark(context, id, isRunning) {
    const cell = context.model.sharedModel.cells[this.index(context, id)];
    if (isRunning) this.marked.add(id);
    else this.marked.delete(id);
    if (cell && "executionState" in cell) cell.executionState = isRunning ? "running" : "idle";
    return {};
  }

  unmarkAll() {
    const context = this.link.context();
    for (const id of [...this.marked]) if (context) this.mark(context, id, false);
    this.marked.clear();
  }
}

/** @param {Map<string, any>} map @param {number} count How many of the oldest entries; none if it is not positive. */
function dropOldest(map, count) {
  for (const key of [...map.keys()].slice(0, Math.max(0, count))) map.delete(key);
}

/** @param {string[]} one @param {string[]} other */
function isSameList(one, other) {
  return one.length === other.length && one.every((each, at) => each === other[at]);
}

/** @param {Line} one @param {Line} other */
function isSame(one, other) {
  return (
    one.source === other.source && one.type === other.type && one.count === other.count && one.busy === other.busy && isSameList(one.outputs, other.outputs)
  );
}

;// ../neuroworkflow_agent/surfaces/panel/js/notebook_context.js
// @ts-check
// The way from a page of Jupyter's to its notebook and its files; JupyterLab promises none of it.

/** The document that a widget's page shows; null where there is none to get at. @param {any} model @returns {any} */
function contextOf(model) {
  return usable(model.widget_manager?.context);
}

/** A document's context, if cells can be got at in it; else null. @param {any} context @returns {any} */
function usable(context) {
  return context?.model?.sharedModel?.cells && context.model.cells ? context : null;
}

/**
 * Have a link open a file as links in cells do: in JupyterLab in its editor, in Notebook as text.
 * @param {any} rendermime The notebook's. @param {HTMLAnchorElement} anchor @param {string} link From the notebook, quoted.
 * @returns {Promise<boolean>} Whether the page can.
 */
async function connectLink(rendermime, anchor, link) {
  const { linkHandler, resolver } = rendermime ?? {};
  if (!linkHandler || !resolver) return false;
  const path = await resolver.resolveUrl(link);
  linkHandler.handleLink(anchor, decodeURIComponent(path), "");
  anchor.href = await resolver.getDownloadUrl(path);
  return true;
}

;// ../neuroworkflow_agent/surfaces/panel/js/notebook_page.js
// @ts-check
// The notebook beside a panel, in the page that shows both. Where there is no way to it, nothing is offered that needs one.

/** @import { Translation } from "./translation.js" */

/**
 * Where the notebook is: its document's context, or null where there is no way to it; its widget with the id of the
 * cell that holds the panel, empty if none does, once they are in their place; and how a new text of a cell is shown as a
 * change to accept or refuse, where it can be; and whether new cells go to the notebook's end. `trans` is for what is said of it.
 * @typedef {{trans: Translation, context(): any, around(): Promise<{widget: any, own: string} | null>, compare?(cell: any, source: string): void, isAtEnd?(): boolean}} Place
 */

/** The cells of the notebook that a panel is beside, and which of them the user means. */
class PanelNotebook {
  /** @param {Place} place */
  constructor(place) {
    this.place = place;
    /** @type {any} */
    this.widget = null;
    /** The cell that holds the panel; a click into the panel makes it the active one, which nobody means. */
    this.own = "";
    /** The cell that was active last, the panel's own left out. */
    this.last = "";
    this.onActive = () => {
      const id = this.widget.activeCell?.model.sharedModel.getId();
      if (id && id !== this.own) this.last = id;
    };
  }

  /** Whether the page shows a notebook that can be got at. */
  get isThere() {
    return this.place.context() !== null;
  }

  /** Begin to follow which cell is active; a view is in its place some frames after it was made. @param {number} tries */
  async follow(tries = 100) {
    const found = await this.place.around().catch(() => null);
    if (this.widget || this.isClosed) return;
    if (found) {
      Object.assign(this, found);
      found.widget.activeCellChanged.connect(this.onActive);
      this.onActive();
    } else if (tries > 0) requestAnimationFrame(() => this.follow(tries - 1));
  }

  close() {
    this.isClosed = true;
    this.widget?.activeCellChanged.disconnect(this.onActive);
  }

  get cells() {
    return this.place.context()?.model.sharedModel.cells ?? [];
  }

  /** @param {string} id */
  index(id) {
    return this.cells.findIndex((/** @type {any} */ cell) => cell.getId() === id);
  }

  /** How a person finds a cell: by the number beside it, or else by its place. @param {number} index */
  name(index) {
    const count = this.cells[index].execution_count;
    return count ? this.place.trans.__("cell [%1]", count) : this.place.trans.__("cell %1 from the top", index + 1);
  }

  /** Add a cell below the one that was active last; Z in command mode takes it back. @param {string} source */
  insert(source) {
    const notebook = this.writable();
    const active = [this.last, this.own].map((id) => this.index(id)).find((index) => index >= 0);
    const before = this.place.isAtEnd?.() ? this.cells.length - 1 : active ?? this.cells.length - 1;
    notebook.undoManager?.stopCapturing();
    notebook.insertCell(before + 1, { cell_type: "code", source, metadata: { trusted: true } });
    notebook.undoManager?.stopCapturing();
    this.last = this.cells[before + 1].getId();
    this.show(this.last);
  }

  /** What `replace` would write over, in words; empty if there is nothing. */
  get replaced() {
    const index = this.index(this.last);
    return index >= 0 ? this.name(index) : "";
  }

  /** Write over the cell that was active last; Ctrl+Z in it takes it back. @param {string} source */
  replace(source) {
    this.writable();
    const { trans } = this.place;
    const index = this.index(this.last);
    if (index < 0) throw new Error(trans.__("Click into the cell that is to be replaced first."));
    const cell = this.cells[index];
    const name = capital(this.name(index));
    if (cell.cell_type !== "code") throw new Error(trans.__("%1 is not code. Click into a code cell, or insert a new one.", name));
    if (cell.getMetadata("editable") === false) throw new Error(trans.__("%1 is locked. Click into another one, or insert a new one.", name));
    // Looked at and written in one go: nobody types in between.
    if (this.isRunning(cell, index)) throw new Error(trans.__("%1 is running. Replace it when it has ended.", name));
    cell.undoManager?.stopCapturing();
    cell.updateSource(0, cell.getSource().length, source);
    cell.undoManager?.stopCapturing();
    this.show(this.last);
  }

  /** Whether a new text of a cell can be shown as a change. */
  get canCompare() {
    return this.place.compare !== undefined;
  }

  /** Show a new text of the cell that was active last as a change. @param {string} source */
  compare(source) {
    this.writable();
    const index = this.index(this.last);
    if (index < 0) throw new Error(this.place.trans.__("Click into the cell that is to be compared first."));
    this.show(this.last);
    this.place.compare?.(this.widget.widgets[index], source);
  }

  /** Scroll to a cell and make it the active one; false if it is not there. @param {string} id */
  show(id) {
    const index = this.index(id);
    if (index < 0 || !this.widget) return false;
    this.widget.deselectAll();
    this.widget.activeCellIndex = index;
    Promise.resolve(this.widget.scrollToItem(index, "smart")).catch(() => {}); // it may have been closed meanwhile
    return true;
  }

  /** What the user has selected: several cells, or the active one and the text that is selected in it. */
  selection() {
    const { widget } = this;
    if (!widget) return null;
    const chosen = widget.widgets.filter((/** @type {any} */ cell) => widget.isSelected(cell)).map((/** @type {any} */ cell) => cell.model.sharedModel.getId());
    if (chosen.length > 1) return { cells: chosen, text: "" };
    const index = this.index(this.last);
    if (index < 0) return null;
    const editor = widget.widgets[index]?.editor;
    const ends = editor ? Object.values(editor.getSelection()).filter((at) => at && typeof at === "object").map((at) => editor.getOffsetAt(at)) : [];
    return { cells: [this.last], text: ends.length > 1 ? this.cells[index].getSource().slice(Math.min(...ends), Math.max(...ends)) : "" };
  }

  writable() {
    const context = this.place.context();
    if (!context || context.model.readOnly) throw new Error(this.place.trans.__("This notebook cannot be changed in this page."));
    return context.model.sharedModel;
  }

  /** Older pages do not say so in the document; there the star beside the cell does. @param {any} cell @param {number} index */
  isRunning(cell, index) {
    return cell.executionState === "running" || Boolean(this.widget?.widgets[index]?.promptNode?.textContent?.includes("*"));
  }
}

/** @param {string} text */
function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

;// ../neuroworkflow_agent/surfaces/panel/js/account.js
// @ts-check
// What a session is made of: its turns, what they cost, and what fills the model's context.


/** @import { Store } from "./store.js" */
/** @import { Translation } from "./translation.js" */

/** @param {Store} store @param {HTMLElement} root @param {(text: string) => void} problem @param {() => void} compact */
async function openAccount(store, root, problem, compact) {
  const { trans } = store;
  /** @type {any} */
  let account;
  try {
    account = await store.ask({ type: "account" });
  } catch (error) {
    problem(/** @type {Error} */ (error).message);
    return;
  }
  const shorten = (0,dom/* button */.x6)(trans.__("Summarize now"), () => {
    dialog.close();
    compact();
  }, { title: trans.__("Have a summary stand for what was said so far; you still see all of it") });
  shorten.disabled = account.turns.length === 0 || Boolean(store.state.busy);
  const dialog = (0,dom/* openDialog */.Dh)(
    trans,
    root,
    trans.__("This session"),
    (0,dom.el)("p", { text: account.head }),
    section(trans.__("What fills the context"), contextParts(trans, account), (0,dom.el)("div.nwa-row", {}, shorten)),
    section(trans.__("Turns"), turnList(store, account.turns, problem)),
  );
  dialog.classList.add("nwa-account");
}

/** @param {string} title @param {...HTMLElement} content */
function section(title, ...content) {
  return (0,dom.el)("section", { "aria-label": title }, (0,dom.el)("h3", { text: title }), ...content);
}

/** @param {Translation} trans @param {any} account */
function contextParts(trans, account) {
  const all = account.parts.reduce((/** @type {number} */ sum, /** @type {any} */ part) => sum + part.tokens, 0);
  if (!all) return (0,dom.el)("p", { text: trans.__("Nothing yet.") });
  const rows = account.parts.map((/** @type {any} */ part) =>
    (0,dom.el)(
      "li",
      {},
      (0,dom.el)("span", { text: part.what }),
      (0,dom.el)("meter", { min: 0, max: all, value: part.tokens, "aria-label": part.what }),
      (0,dom.el)("small", { text: trans.__("about %1", part.tokens.toLocaleString()) }),
    ),
  );
  return (0,dom.el)("div", {}, (0,dom.el)("p", { text: account.context ? trans.__("%1 tokens.", account.context) : trans.__("About %1 tokens.", all.toLocaleString()) }), (0,dom.el)("ul", {}, ...rows));
}

/** @param {Store} store @param {any[]} turns @param {(text: string) => void} problem */
function turnList(store, turns, problem) {
  const { trans } = store;
  if (turns.length === 0) return (0,dom.el)("p", { text: trans.__("Nothing was said yet.") });
  const row = (/** @type {any} */ turn) => {
    const pin = (0,dom/* button */.x6)("", async () => {
      try {
        await store.ask({ type: "pin", turn: turn.id, pinned: !turn.pinned });
        turn.pinned = !turn.pinned;
        drawPin(trans, pin, turn.pinned);
      } catch (error) {
        problem(/** @type {Error} */ (error).message);
      }
    });
    drawPin(trans, pin, turn.pinned);
    return (0,dom.el)("li", {}, (0,dom.el)("span", { text: turn.prompt, title: turn.prompt, dir: "auto" }), (0,dom.el)("small", { text: turn.about }), pin);
  };
  return (0,dom.el)("ol", {}, ...turns.map(row));
}

/** Say on a button whether a turn is pinned. @param {Translation} trans @param {HTMLElement} pin @param {boolean} isPinned */
function drawPin(trans, pin, isPinned) {
  pin.textContent = isPinned ? trans.__("Unpin") : trans.__("Pin");
  pin.title = isPinned
    ? trans.__("The agent is given the texts of this turn again after a summary; end that")
    : trans.__("Have the agent be given the texts of this turn again, word by word, after each summary");
}

;// ../neuroworkflow_agent/surfaces/panel/js/cards.js
// @ts-check
// One item of the transcript as elements, and how a change of it is drawn.




/** @import { Store, Item, Op } from "./store.js" */
/** @import { Translation } from "./translation.js" */

/** A call's state in words. @param {Translation} trans @param {string} state */
function stateName(trans, state) {
  switch (state) {
    case "waiting": return trans.__("waits for the kernel");
    case "running": return trans.__("running");
    case "asking": return trans.__("asks for permission");
    case "ok": return trans.__("done");
    case "error": return trans.__("failed");
    case "stopped": return trans.__("stopped");
    case "denied": return trans.__("refused");
    default: return state;
  }
}

class Card {
  /**
   * @param {Item} item
   * @param {Store} store
   * @param {{fork(messageId: string): void, goOn(): void, again(turn: string): void, undo(turn: string): void, edit(turn: string, text: string): void, drop(turn: string): void, problem(text: string): void}} actions
   */
  constructor(item, store, actions) {
    this.item = item;
    this.store = store;
    this.trans = store.trans;
    this.actions = actions;
    this.parts = (0,dom.el)("div.nwa-parts");
    const make = { user: this.user, answer: this.answer, thinking: this.thinking, tool: this.tool, question: this.question, plan: this.plan, notice: this.notice, end: this.end };
    /** @type {HTMLElement} */
    this.node = (make[/** @type {keyof typeof make} */ (item.kind)] ?? this.notice).call(this);
    this.node.classList.add("nwa-item", `nwa-${item.kind}`);
    this.drawParts(0);
    this.drawFields();
  }

  /** @param {Op} op */
  update(op) {
    if (op.op === "parts") this.drawParts(op.start);
    else this.drawFields();
  }

  // -- kinds ------------------------------------------------------------------------------------------

  user() {
    const chips = (this.item.attached ?? []).map((/** @type {string} */ name) => (0,dom.el)("li", { text: name }));
    const { turn, text } = this.item;
    const edit = (0,dom/* button */.x6)(this.trans.__("Edit"), () => this.actions.edit(turn, text), { icon: "edit", css: "nwa-edit", title: this.trans.__("Edit this message and go on from here, in a copy of the session") });
    return (0,dom.el)(
      "article",
      { "aria-label": this.trans.__("You") },
      turn ? edit : null,
      (0,dom.el)("div.nwa-said", { dir: "auto", text }),
      chips.length ? (0,dom.el)("ul.nwa-chips", { "aria-label": this.trans.__("Attached") }, ...chips) : null,
    );
  }

  answer() {
    const { trans } = this;
    this.copy = (0,dom/* button */.x6)(trans.__("Copy answer"), () => (0,dom/* copyText */.Dk)(/** @type {any} */ (this.copy), this.item.source, trans.__("Copied")), { icon: "copy", css: "nwa-copy-answer" });
    return (0,dom.el)("article", { "aria-label": trans.__("Agent") }, this.parts, this.copy);
  }

  thinking() {
    this.head = (0,dom.el)("summary");
    this.text = (0,dom.el)("div.nwa-thought", { dir: "auto" });
    return (0,dom.el)("details", {}, this.head, this.text);
  }

  tool() {
    this.title = (0,dom.el)("span.nwa-title", { dir: "auto" });
    this.state = (0,dom.el)("span.nwa-state");
    this.reveal = (0,dom/* button */.x6)(this.trans.__("Show cell"), () => this.showCell(), { css: "nwa-reveal", title: this.trans.__("Scroll to the cell") });
    this.place = (0,dom.el)("div.nwa-place");
    this.input = (0,dom.el)("div.nwa-input");
    this.below = (0,dom.el)("div");
    this.box = (0,dom.el)("details", { open: this.item.open }, (0,dom.el)("summary", {}, this.title, this.state), this.place, this.input, this.below, this.parts);
    return (0,dom.el)("div", {}, this.box, this.reveal); // what is pressed may not stand in what opens and closes
  }

  question() {
    this.below = (0,dom.el)("div");
    return (0,dom.el)("section", { "aria-label": this.trans.__("The agent asks") }, this.below, this.parts);
  }

  plan() {
    return (0,dom.el)("section", { "aria-label": this.trans.__("Plan") }, this.parts);
  }

  notice() {
    return (0,dom.el)("p", { dir: "auto", text: this.item.text });
  }

  end() {
    const { trans } = this;
    const fork = (0,dom/* button */.x6)(trans.__("Fork from here"), () => this.actions.fork(this.item.fork), { title: trans.__("Continue in a copy of the session that ends here") });
    // Where it is the last thing that happened, as the style has it.
    const goOn = this.item.end === "cut_off" ? (0,dom/* button */.x6)(trans.__("Continue"), () => this.actions.goOn(), { css: "nwa-go-on", title: trans.__("Have the agent go on where it was cut off") }) : null;
    const again = this.store.transport.chats ? (0,dom/* button */.x6)(trans.__("Answer again"), () => this.actions.again(this.item.turn), { css: "nwa-again", title: trans.__("Ask the same again, in a copy of the chat up to here") }) : null;
    this.line = (0,dom.el)("span");
    this.undo = (0,dom/* button */.x6)(trans.__("Undo"), () => this.actions.undo(this.item.turn), { title: trans.__("Take back what this turn did, after a look at what that means") });
    this.pin = (0,dom/* button */.x6)("", () => this.changePin());
    this.drop = (0,dom/* button */.x6)(trans.__("Drop"), () => this.actions.drop(this.item.turn), { title: trans.__("Go on in a copy of the session without this turn; what was said after it goes along as text") });
    return (0,dom.el)("footer", {}, this.line, goOn, again, this.item.fork ? fork : null, this.undo, this.pin, this.drop);
  }

  // -- drawing ----------------------------------------------------------------------------------------

  /** @param {number} start */
  drawParts(start) {
    const { parts } = this.item;
    while (this.parts.childElementCount > parts.length) this.parts.lastElementChild?.remove();
    for (let index = start; index < parts.length; index += 1) {
      let part = this.parts.children[index];
      if (!part) {
        part = (0,dom.el)("div");
        this.parts.append(part);
      }
      part.innerHTML = parts[index]; // sanitized by Python
      this.dress(part);
    }
  }

  drawFields() {
    const { item, trans } = this;
    this.node.classList.toggle("nwa-failed", Boolean(item.failed));
    if (item.kind === "answer" && this.copy) this.copy.hidden = !item.done;
    this.node.classList.toggle("nwa-unfinished", item.kind === "answer" && !item.done);
    if (item.kind === "end" && this.line && this.undo && this.pin && this.drop) {
      this.line.textContent = item.text;
      for (const act of [this.undo, this.pin, this.drop]) act.hidden = item.undone;
      drawPin(trans, this.pin, item.pinned);
      this.node.classList.toggle("nwa-taken-back", item.undone);
    }
    if (item.kind === "thinking" && this.head && this.text) {
      this.head.textContent = item.done ? trans.__("Thought") : trans.__("Thinking …");
      this.text.textContent = item.text;
    }
    if (item.kind === "tool" && this.state) {
      this.node.dataset.state = item.state;
      const named = stateName(trans, item.state);
      const reason = item.state === "denied" && item.decision ? `: ${item.decision}` : "";
      this.state.textContent = `${named}${reason}${item.duration ? ` · ${item.duration}` : ""}`;
      const isInNotebook = Boolean(item.cell) && this.store.notebook.isThere;
      /** @type {HTMLElement} */ (this.reveal).hidden = !isInNotebook;
      this.node.classList.toggle("nwa-of-cell", isInNotebook);
      this.drawInput();
      this.drawApproval();
    }
    if (item.kind === "question") this.drawQuestions();
  }

  /** What sanitized HTML cannot bring along: copy buttons, and pictures by their keys. @param {Element} part */
  dress(part) {
    const { trans } = this;
    const blocks = [...part.querySelectorAll("pre")];
    for (const pre of blocks) {
      const holder = (0,dom.el)("div.nwa-code");
      pre.replaceWith(holder);
      const copy = (0,dom/* button */.x6)(trans.__("Copy"), () => (0,dom/* copyText */.Dk)(copy, pre.textContent ?? "", trans.__("Copied")), { icon: "copy" });
      pre.tabIndex = 0; // it may have to be scrolled
      // A card's own code stands behind the call's other arguments; it may be shown cut, or with signs for what is not seen.
      const code = part === this.input ? pre === blocks.at(-1) && this.item.code : pre.querySelector(".nwa-python")?.textContent;
      holder.append(pre, (0,dom.el)("div.nwa-tools", {}, ...(code ? this.intoCells(code.replace(/\n$/, "")) : []), copy));
    }
    for (const picture of part.querySelectorAll("img[data-picture]")) {
      const image = /** @type {HTMLImageElement} */ (picture);
      const frame = (0,dom.el)("button.nwa-picture", {
        type: "button",
        "aria-pressed": "false",
        title: trans.__("Show at full width"),
      });
      frame.onclick = () => frame.setAttribute("aria-pressed", String(frame.classList.toggle("nwa-wide")));
      const { enlarge } = this.store.transport;
      if (enlarge) {
        frame.removeAttribute("aria-pressed");
        frame.title = trans.__("Show large");
        frame.onclick = () => enlarge(image);
      }
      image.replaceWith(frame);
      frame.append(image);
      this.store.picture(image.dataset.picture ?? "", (url) => (image.src = url));
    }
    for (const table of part.querySelectorAll("table")) {
      const holder = (0,dom.el)("div.nwa-scroll", { tabIndex: 0, role: "group", "aria-label": trans.__("Table") });
      table.replaceWith(holder);
      holder.append(table);
      for (const head of table.querySelectorAll("th")) {
        if (!head.textContent?.trim()) head.replaceWith((0,dom.el)("td", { colSpan: head.colSpan, rowSpan: head.rowSpan }));
      }
    }
  }

  changePin() {
    const { turn, pinned } = this.item;
    this.store.ask({ type: "pin", turn, pinned: !pinned }).catch((error) => this.actions.problem(error.message));
  }

  showCell() {
    if (!this.store.notebook.show(this.item.cell)) this.actions.problem(this.trans.__("The notebook has no cell %1 (any more).", this.item.cell));
  }

  /** Buttons that make a cell of code, where there is a notebook in the page. @param {string} code */
  intoCells(code) {
    const { store: { notebook }, trans } = this;
    if (!notebook.isThere) return [];
    const act = (/** @type {HTMLElement} */ from, /** @type {() => void} */ change, /** @type {string} */ done) => {
      try {
        change();
        (0,dom/* confirmOn */.we)(from, done);
      } catch (error) {
        this.actions.problem(/** @type {Error} */ (error).message);
      }
    };
    const insert = (0,dom/* button */.x6)(trans.__("Insert as cell"), () => act(insert, () => notebook.insert(code), trans.__("Inserted")), {
      icon: "below", css: "nwa-into", title: trans.__("Insert as a cell below the active one (Z in command mode takes it back)"),
    });
    const replace = (0,dom/* button */.x6)(trans.__("Replace cell"), () => act(replace, () => notebook.replace(code), trans.__("Replaced")), { icon: "into", css: "nwa-into" });
    const tell = () => {
      replace.title = notebook.replaced ? trans.__("Replace %1 (Ctrl+Z in it takes it back)", notebook.replaced) : trans.__("Replace the active cell");
    };
    tell();
    for (const kind of ["pointerenter", "focus"]) replace.addEventListener(kind, tell);
    if (!notebook.canCompare) return [insert, replace];
    const compare = (0,dom/* button */.x6)(trans.__("Compare"), () => act(compare, () => notebook.compare(code), trans.__("Shown in the cell")), {
      icon: "compare", css: "nwa-into", title: trans.__("Show in the active cell what would change, to accept or refuse"),
    });
    return [insert, replace, compare];
  }

  /** The input is drawn again when it is shown whole, for an approval. */
  drawInput() {
    const { item } = this;
    const input = /** @type {HTMLElement} */ (this.input);
    /** @type {HTMLElement} */ (this.title).textContent = item.title;
    this.drawLink();
    if (this.drawn === item.input) return;
    this.drawn = item.input;
    input.innerHTML = item.input; // sanitized by Python
    this.dress(input);
  }

  /** The name of a file that the call has changed opens it. Not in the heading: that is a control already. */
  drawLink() {
    const { item } = this;
    if (!item.link || this.isLinked) return;
    this.isLinked = true;
    const name = item.title.slice(item.title.indexOf(" ") + 1);
    const file = (0,dom.el)("a.nwa-file", { text: name, title: this.trans.__("Open this file"), target: "_blank", rel: "noopener" });
    this.store.transport.connect(file, item.link).then((can) => can && /** @type {HTMLElement} */ (this.place).append(file), () => {});
  }

  drawApproval() {
    const { item, trans } = this;
    const below = /** @type {HTMLElement} */ (this.below);
    if (item.state !== "asking") {
      below.replaceChildren();
      return;
    }
    if (below.childElementCount) return;
    /** @type {any} */ (this.box).open = true;
    const why = (0,dom.el)("input", { type: "text", placeholder: trans.__("Why not? (optional)"), "aria-label": trans.__("Reason for denying"), dir: "auto" });
    const say = (/** @type {any} */ answer) => this.answerRequest(answer, below);
    why.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && !event.isComposing) say({ allowed: false, reason: why.value });
    });
    below.append(
      (0,dom.el)(
        "div.nwa-approval",
        { role: "group", "aria-label": trans.__("Permission: %1", item.title) },
        (0,dom.el)("p", { text: `${trans.__("The agent asks for permission: %1.", item.title)} ${item.reason ?? ""}`, dir: "auto" }),
        (0,dom.el)(
          "div.nwa-row",
          {},
          (0,dom/* button */.x6)(trans.__("Allow once"), () => say({ allowed: true }), { css: "nwa-main" }),
          item.remember ? (0,dom/* button */.x6)(trans.__("Allow for this session"), () => say({ allowed: true, remember: true }), { title: trans.__("Do not ask for %1 again in this session, but for files that other programs run", item.name) }) : null,
        ),
        (0,dom.el)("div.nwa-row", {}, why, (0,dom/* button */.x6)(trans.__("Deny"), () => say({ allowed: false, reason: why.value }))),
      ),
    );
  }

  drawQuestions() {
    const { item, trans } = this;
    const below = /** @type {HTMLElement} */ (this.below);
    if (item.state !== "asking") {
      const answers = item.answers ?? {};
      below.replaceChildren(
        (0,dom.el)(
          "dl",
          {},
          ...item.questions.flatMap((/** @type {any} */ asked) => [
            (0,dom.el)("dt", { text: asked.question, dir: "auto" }),
            (0,dom.el)("dd", { text: answers[asked.question] ?? (item.state === "ok" ? "" : stateName(trans, item.state)), dir: "auto" }),
          ]),
        ),
      );
      return;
    }
    if (below.querySelector("form")) return;
    const fields = item.questions.map((/** @type {any} */ asked) => questionField(asked, trans));
    const form = (0,dom.el)(
      "form.nwa-approval",
      {
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          const answers = Object.fromEntries(fields.map((/** @type {any} */ field) => [field.question, field.value()]));
          this.answerRequest({ allowed: true, answers }, form);
        },
      },
      ...fields.map((/** @type {any} */ field) => field.node),
      (0,dom.el)("div.nwa-row", {}, (0,dom.el)("button.nwa-main", { type: "submit", text: trans.__("Answer") }), (0,dom/* button */.x6)(trans.__("Do not answer"), () => this.answerRequest({ allowed: false }, form))),
    );
    below.replaceChildren(form);
  }

  /** @param {any} answer @param {HTMLElement} holder */
  answerRequest(answer, holder) {
    this.store.send({ type: "answer", request_id: this.item.request, ...answer });
    for (const control of holder.querySelectorAll("button, input")) /** @type {any} */ (control).disabled = true;
    /** @type {HTMLElement | null} */ (this.node.closest(".nwa-panel")?.querySelector("textarea") ?? null)?.focus();
  }
}

/** One question of the agent's, as a field set. @param {any} asked @param {Translation} trans */
function questionField(asked, trans) {
  const name = (0,dom/* uniqueId */.NF)("question");
  const kind = asked.multiple ? "checkbox" : "radio";
  const options = asked.options.map((/** @type {any} */ option) => {
    const input = (0,dom.el)("input", { type: kind, name, value: option.label });
    const label = (0,dom.el)("label", {}, input, (0,dom.el)("span", { dir: "auto", text: option.label }), (0,dom.el)("small", { dir: "auto", text: option.description }));
    return { input, label };
  });
  /** What is written is the answer, then, and no option is. */
  const choose = () => {
    if (!asked.multiple && own.value.trim()) for (const option of options) option.input.checked = false;
  };
  const own = (0,dom.el)("input", { type: "text", oninput: choose, "aria-label": trans.__("Other answer: %1", asked.question), placeholder: trans.__("Other"), dir: "auto" });
  return {
    question: asked.question,
    node: (0,dom.el)("fieldset", {}, (0,dom.el)("legend", { text: asked.question, dir: "auto" }), ...options.map((/** @type {any} */ o) => o.label), own),
    value: () => {
      const chosen = options.filter((/** @type {any} */ o) => o.input.checked).map((/** @type {any} */ o) => o.input.value);
      if (own.value.trim()) chosen.push(own.value.trim());
      return (asked.multiple ? chosen : chosen.slice(-1)).join(", ");
    },
  };
}

;// ../neuroworkflow_agent/surfaces/panel/js/transport.js
// @ts-check
// What carries messages between a page and a chat, and what of its surroundings a chat uses: one object for each way in.

/** @import { Translation } from "./translation.js" */

/**
 * @typedef {object} Transport
 * @property {string} name Of the chat, the same in every view of it and after a reload.
 * @property {Translation} trans In whose language the page speaks.
 * @property {string} lost What is said in the transcript once it is not alive any more; empty where that is said elsewhere.
 * @property {(message: any, buffers?: ArrayBuffer[]) => void} send
 * @property {(listener: (message: any, buffers: DataView[]) => void) => () => void} receive Have what comes handed on; returns the way to end that.
 * @property {() => boolean | Promise<boolean>} isAlive Whether somebody is at the other end.
 * @property {(listener: () => void) => () => void} onLife Have it said when that may have changed; returns the way to end that.
 * @property {() => boolean} interrupt Interrupt the code that runs, where messages have to wait for it; false if there is no way to.
 * @property {(anchor: HTMLAnchorElement, link: string) => Promise<boolean>} connect
 *   Have a link open a file of the server's; `link` is from the notebook, quoted. Whether the page can.
 * @property {Words} [words] What is said here otherwise than beside a notebook.
 * @property {{begin(): void, list(): void, go(id: string): void}} [chats] Where chats are many: how a page gets to another one.
 * @property {(image: HTMLImageElement) => void} [enlarge] Where there is room for a picture as a whole.
 */

/**
 * @typedef {object} Words
 * @property {string} empty Of a chat in which nothing was said.
 * @property {string[]} starters What may be asked first.
 * @property {string} waiting While there is no answer to the page's first message.
 * @property {string} gone When nobody is at the other end.
 * @property {string} placeholder Of the field.
 */

/** @param {Translation} trans @returns {Words} */
function besideANotebook(trans) {
  return {
    empty: trans.__("The agent works in this notebook’s kernel, with the variables you have."),
    starters: [trans.__("What is in my variables?"), trans.__("Plot the data of my last cell."), trans.__("Explain my last cell.")],
    waiting: trans.__("Waiting for the kernel …"),
    gone: trans.__("No kernel"),
    placeholder: trans.__("Ask the agent. @ adds files, variables, cells; / lists commands."),
  };
}

;// ../neuroworkflow_agent/surfaces/panel/js/composer.js
// @ts-check
// Where the user writes: text, what it points at, files, and the choice of model and mode.




/** @import { Store } from "./store.js" */

const PART_BYTES = 256 * 1024;
const OTHER = "\u2026";
const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

class Composer {
  /** @param {Store} store @param {HTMLElement} root @param {(text: string) => void} problem @param {(name: string) => void} command */
  constructor(store, root, problem, command) {
    this.store = store;
    this.trans = store.trans;
    const { trans } = this;
    /** @type {Record<string, string>} */
    this.modes = {
      edit: trans.__("edit: runs code, edits files"),
      ask: trans.__("ask: asks before every change"),
      plan: trans.__("plan: changes nothing, plans"),
      "read-only": trans.__("read-only: only reads"),
    };
    this.root = root;
    this.problem = problem;
    this.command = command;
    /** @type {{kind: string, value: string, picture?: string, size?: string}[]} */
    this.chips = [];
    /** @type {any[]} */
    this.found = [];
    this.chosen = 0;
    this.lastPrompt = "";
    this.list = (0,dom.el)("ul.nwa-completions", { role: "listbox", id: (0,dom/* uniqueId */.NF)("completions"), "aria-label": trans.__("Suggestions"), hidden: true });
    this.field = (0,dom.el)("textarea", {
      rows: 2,
      dir: "auto",
      placeholder: (store.transport.words ?? besideANotebook(trans)).placeholder,
      "aria-label": trans.__("Message to the agent"),
      "aria-autocomplete": "list",
      "aria-haspopup": "listbox",
      "aria-controls": this.list.id,
      oninput: () => this.onInput(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.onKey(event),
      onpaste: (/** @type {ClipboardEvent} */ event) => this.onPaste(event),
      onblur: () => setTimeout(() => this.hideList(), 150),
    });
    this.chipList = (0,dom.el)("ul.nwa-chips", { "aria-label": trans.__("Attached to the next message"), hidden: true });
    this.queue = (0,dom.el)("ul.nwa-queue", { "aria-label": trans.__("Messages that wait"), hidden: true });
    /** The turn that the message is to stand for, and what stood in the field before. @type {{turn: string, before: string} | null} */
    this.editing = null;
    const keep = (0,dom/* button */.x6)(trans.__("Cancel"), () => this.endEditing(), { title: trans.__("Leave the earlier message as it is (Escape)") });
    this.about = (0,dom.el)("div.nwa-editing", { role: "status", hidden: true }, (0,dom.el)("span", { text: trans.__("You edit an earlier message. The session goes on from there, in a copy.") }), keep);
    this.fix = (0,dom/* button */.x6)("", () => this.fixError(), { css: "nwa-fix" });
    this.fix.hidden = true;
    this.picker = (0,dom.el)("input", { type: "file", multiple: true, hidden: true, "aria-label": trans.__("Files to attach"), onchange: () => this.upload([...this.picker.files]) });
    this.model = (0,dom.el)("select", { "aria-label": trans.__("Model"), onchange: () => this.chooseModel() });
    this.mode = (0,dom.el)("select", { "aria-label": trans.__("Mode"), onchange: () => this.change({ mode: this.mode.value }) });
    this.send = (0,dom/* button */.x6)(trans.__("Send"), () => this.submit(), { icon: "send", css: "nwa-main", title: trans.__("Send (Enter)") });
    this.stop = (0,dom/* button */.x6)(trans.__("Stop"), () => store.stop(), { icon: "stop", css: "nwa-stop", title: trans.__("Stop (Escape)") });
    this.attach = (0,dom/* button */.x6)(trans.__("Attach files"), () => this.picker.click(), { icon: "clip" });
    this.node = (0,dom.el)(
      "div.nwa-composer",
      {},
      this.queue,
      this.about,
      (0,dom.el)("div", {}, this.fix, this.chipList),
      (0,dom.el)("div.nwa-field", {}, this.field, this.list),
      (0,dom.el)("div.nwa-row", {}, this.attach, this.picker, this.mode, this.model, (0,dom.el)("span.nwa-space"), this.stop, this.send),
    );
    this.field.value = this.draft;
    this.drawState();
  }

  get draftKey() {
    return `nwa-draft-${this.store.transport.name}`;
  }

  get limit() {
    return `${Math.round((this.store.state.max_upload_bytes ?? 0) / 1024 / 1024)} MB`;
  }

  get draft() {
    try {
      return sessionStorage.getItem(this.draftKey) ?? "";
    } catch {
      return "";
    }
  }

  keepDraft() {
    try {
      sessionStorage.setItem(this.draftKey, this.field.value);
    } catch {
      // Storage may be full or forbidden; then the draft lives as long as the page.
    }
  }

  /** Choices that are an administrator's. @param {string[]} names */
  lock(names) {
    for (const name of /** @type {const} */ (["model", "mode"])) {
      this[name].disabled = names.includes(name);
      this[name].title = this[name].disabled ? this.trans.__("Set by the administrator") : "";
    }
  }

  drawState() {
    const { store: { state }, trans } = this;
    const hadFocus = [this.stop, this.send, this.fix].includes(/** @type {any} */ (document.activeElement));
    this.stop.hidden = !this.store.isAtWork;
    this.send.title = state.busy ? trans.__("Send when the agent is done (Enter)") : trans.__("Send (Enter)");
    this.drawQueue();
    this.attach.title = trans.__("Attach files or pictures, up to %1 each; they are stored under uploads/", this.limit);
    const models = [...new Set([...state.models, state.model])].filter(Boolean);
    fill(this.model, [...models.map((/** @type {string} */ name) => [name, name]), [OTHER, trans.__("Other …")]], state.model);
    fill(this.mode, state.modes.map((/** @type {string} */ name) => [name, this.modes[name] ?? name]), state.mode);
    const offersFix = Boolean(state.error) && !state.busy && !this.chips.some((chip) => chip.kind === "error");
    this.fix.hidden = !offersFix;
    this.fix.textContent = offersFix ? trans.__("Fix this: %1", state.error) : "";
    if (hadFocus && /** @type {any} */ (document.activeElement)?.hidden !== false) this.field.focus();
  }

  // -- sending ----------------------------------------------------------------------------------------

  fixError() {
    this.addChip("error", this.trans.__("last error"));
    if (!this.field.value.trim()) this.submit();
    else this.field.focus();
  }

  /** Have the next message stand for an earlier one. @param {string} turn @param {string} text */
  edit(turn, text) {
    this.editing = { turn, before: this.editing?.before ?? this.field.value };
    this.about.hidden = false;
    this.begin(text);
  }

  endEditing() {
    const { before } = this.editing ?? { before: "" };
    this.editing = null;
    this.about.hidden = true;
    this.begin(before);
  }

  async submit() {
    const text = this.field.value;
    if (!text.trim() && !this.chips.some((chip) => chip.kind === "error")) {
      this.field.focus();
      return;
    }
    const { chips, editing } = this;
    this.editing = null;
    this.about.hidden = true;
    this.field.value = editing?.before ?? "";
    this.chips = [];
    this.drawChips();
    this.grow();
    this.field.focus();
    try {
      const pointed = chips.map((chip) => ({ kind: chip.kind, value: chip.value }));
      const selection = text.includes("@selection") ? this.store.notebook.selection() : null;
      const message = { text, chips: selection ? [...pointed, { kind: "selection", value: selection }] : pointed };
      await this.store.ask(editing ? { type: "edit", turn: editing.turn, ...message } : { type: "ask", ...message });
      this.lastPrompt = text;
    } catch (error) {
      this.problem(/** @type {Error} */ (error).message);
      if (editing) this.edit(editing.turn, text);
      else this.field.value = [text, this.field.value].filter(Boolean).join("\n");
      this.chips = [...chips, ...this.chips];
      this.drawChips();
      this.grow();
    }
    this.keepDraft(); // until here a page that is loaded anew has the text
  }

  /** What waits for the turn to end, or for its next step; after a Stop it waits for a word of the user's. */
  drawQueue() {
    const { store: { state: { queue, busy } }, trans } = this;
    const drawn = JSON.stringify([queue, busy]);
    if (this.queue.dataset.drawn === drawn) return;
    this.queue.dataset.drawn = drawn;
    this.queue.hidden = queue.length === 0;
    const tell = (/** @type {string} */ id, /** @type {string} */ action, done = () => {}) => {
      this.field.focus();
      this.store.ask({ type: "queued", id, action }).then(done, (error) => this.problem(error.message));
    };
    const send = (/** @type {string} */ id) =>
      busy
        ? (0,dom/* button */.x6)(trans.__("Send now"), () => tell(id, "send"), { title: trans.__("The agent reads this after its present step, and goes on") })
        : (0,dom/* button */.x6)(trans.__("Send"), () => tell(id, "send"), { title: trans.__("Send this message now") });
    this.queue.replaceChildren(
      ...queue.map((/** @type {{id: string, text: string, now: boolean}} */ { id, text, now }) =>
        (0,dom.el)(
          "li",
          {},
          (0,dom.el)("span", { text, title: text, dir: "auto" }),
          now ? (0,dom.el)("small", { text: trans.__("after this step"), title: trans.__("The agent reads this after its present step") }) : send(id),
          (0,dom/* button */.x6)(trans.__("Edit"), () => tell(id, "remove", () => this.begin([text, this.field.value].filter(Boolean).join("\n"))), { title: trans.__("Take this message back into the field") }),
          (0,dom/* button */.x6)(trans.__("Remove"), () => tell(id, "remove"), { icon: "close", title: trans.__("Do not send this message") }),
        ),
      ),
    );
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.isComposing || event.keyCode === 229) return; // an input method is at work
    const isOpen = !this.list.hidden;
    if (isOpen && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      this.choose(this.chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (isOpen && (event.key === "Enter" || event.key === "Tab")) {
      this.accept(this.found[this.chosen]);
    } else if (isOpen && event.key === "Escape") {
      this.hideList();
      event.stopPropagation();
    } else if (this.editing && event.key === "Escape") {
      this.endEditing();
      event.stopPropagation();
    } else if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      this.submit();
    } else if (event.key === "ArrowUp" && !this.field.value && this.lastPrompt) {
      this.field.value = this.lastPrompt;
      this.grow();
    } else return;
    event.preventDefault();
  }

  onInput() {
    this.keepDraft();
    this.grow();
    this.complete();
  }

  /** Put a text where the user writes, to be gone on with. @param {string} text */
  begin(text) {
    this.field.value = text;
    this.keepDraft();
    this.grow();
    this.field.focus();
  }

  grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight + 2, 200)}px`;
  }

  // -- what the message points at ---------------------------------------------------------------------

  /** What is before the cursor that names something: a word behind an at sign, or behind a slash at the very start. */
  mention() {
    const before = this.field.value.slice(0, this.field.selectionStart);
    return /^\/[^\s/]*$/.exec(before)?.[0] ?? /(?:^|\s)(@(?:cell[ \t]+)?[^\s@]*)$/.exec(before)?.[1] ?? null;
  }

  async complete() {
    const text = this.mention();
    if (text === null) {
      this.hideList();
      return;
    }
    const { items } = await this.store.ask({ type: "complete", text });
    if (this.mention() !== text) return;
    this.found = items;
    this.list.replaceChildren(
      ...items.map((/** @type {any} */ found) =>
        (0,dom.el)(
          "li",
          { role: "option", id: (0,dom/* uniqueId */.NF)("option"), onmousedown: (/** @type {Event} */ event) => { event.preventDefault(); this.accept(found); } },
          (0,dom.el)("span", { text: found.value, dir: "auto" }),
          (0,dom.el)("small", { text: found.kind === "file" ? this.trans.__("file") : found.detail, dir: "auto" }),
        ),
      ),
    );
    this.list.hidden = items.length === 0;
    if (items.length) this.choose(0);
  }

  /** @param {number} index */
  choose(index) {
    const options = [...this.list.children];
    this.chosen = (index + options.length) % options.length;
    options.forEach((option, at) => option.setAttribute("aria-selected", String(at === this.chosen)));
    this.field.setAttribute("aria-activedescendant", options[this.chosen].id);
    options[this.chosen].scrollIntoView({ block: "nearest" });
  }

  /** @param {any} found */
  accept(found) {
    const end = this.field.selectionStart;
    const start = end - (this.mention() ?? "").length;
    this.hideList();
    if (found.kind === "command") {
      this.field.setRangeText("", start, end, "end");
      this.keepDraft();
      this.command(found.value);
      return;
    }
    if (found.kind === "mention") {
      // Its words say it all; which cells are meant is looked up when the message is sent.
      this.field.setRangeText(`@${found.value} `, start, end, "end");
      this.onInput();
      this.field.focus();
      return;
    }
    this.field.setRangeText(found.kind === "skill" ? this.trans.__("Use the skill %1: ", found.value.slice(1)) : `@${found.value} `, start, end, "end");
    if (found.kind !== "skill") this.addChip(found.kind, found.value);
    this.keepDraft();
    this.field.focus();
  }

  hideList() {
    this.list.hidden = true;
    this.field.removeAttribute("aria-activedescendant");
  }

  /** @param {string} kind @param {string} value @param {{picture?: string, size?: string}} [look] Address of a small view of it; how large it is */
  addChip(kind, value, look = {}) {
    if (!this.chips.some((chip) => chip.kind === kind && chip.value === value)) this.chips.push({ kind, value, ...look });
    this.drawChips();
    this.drawState();
  }

  drawChips() {
    this.chipList.hidden = this.chips.length === 0;
    this.chipList.replaceChildren(
      ...this.chips.map((chip) =>
        (0,dom.el)(
          "li",
          {},
          chip.picture ? (0,dom.el)("img", { src: chip.picture, alt: "" }) : null,
          (0,dom.el)("span", { text: chip.value, dir: "auto" }),
          chip.size ? (0,dom.el)("small", { text: chip.size }) : null,
          (0,dom/* button */.x6)(this.trans.__("Remove %1", chip.value), () => {
            this.chips = this.chips.filter((other) => other !== chip);
            this.drawChips();
            this.drawState();
            this.field.focus();
          }, { icon: "close" }),
        ),
      ),
    );
  }

  // -- files ------------------------------------------------------------------------------------------

  /** @param {ClipboardEvent} event */
  onPaste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    this.upload(files);
  }

  /** @param {File[]} files */
  async upload(files) {
    for (const file of files) {
      if (file.size > this.store.state.max_upload_bytes) {
        this.problem(this.trans.__("%1 is larger than %2; copy it into the workspace instead.", file.name, this.limit));
        continue;
      }
      try {
        const path = await this.store_file(file);
        this.addChip("file", path, { picture: PICTURES.includes(file.type) ? URL.createObjectURL(file) : undefined, size: inWords(file.size) });
      } catch (error) {
        this.problem(/** @type {Error} */ (error).message);
      }
    }
    this.picker.value = "";
  }

  /** @param {File} file @returns {Promise<string>} its path in the workspace */
  async store_file(file) {
    const id = (0,dom/* uniqueId */.NF)("upload");
    const of = Math.max(1, Math.ceil(file.size / PART_BYTES));
    let path = "";
    for (let part = 0; part < of; part += 1) {
      const data = await file.slice(part * PART_BYTES, (part + 1) * PART_BYTES).arrayBuffer();
      const reply = await this.store.ask({ type: "upload", id, name: file.name, part, of }, [data]);
      path = reply.path ?? path;
    }
    return path;
  }

  /** A choice counts once it works; else what is so is shown again. @param {{model?: string, mode?: string}} settings */
  async change(settings) {
    try {
      await this.store.ask({ type: "settings", ...settings });
    } catch (error) {
      this.problem(/** @type {Error} */ (error).message);
      this.drawState();
    }
  }

  chooseModel() {
    if (this.model.value !== OTHER) {
      this.change({ model: this.model.value });
      return;
    }
    this.model.value = this.store.state.model;
    const { trans } = this;
    const name = (0,dom.el)("input", { type: "text", "aria-label": trans.__("Model name"), placeholder: "ollama:qwen3, openai:gpt-4.1, https://…" });
    const dialog = (0,dom/* openDialog */.Dh)(
      trans,
      this.root,
      trans.__("Which model?"),
      (0,dom.el)(
        "form",
        {
          onsubmit: (/** @type {Event} */ event) => {
            event.preventDefault();
            if (name.value.trim()) {
              const wanted = name.value.trim();
              this.change({ model: wanted });
            }
            dialog.close();
          },
        },
        name,
        (0,dom.el)("button.nwa-main", { type: "submit", text: trans.__("Use it") }),
      ),
    );
    name.focus();
  }
}

/** @param {number} bytes */
function inWords(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Options of a select, changed only when they differ. @param {any} select @param {string[][]} options @param {string} chosen */
function fill(select, options, chosen) {
  const wanted = options.map(([value, label]) => `${value}\n${label}`).join("\n\n");
  if (select.dataset.options !== wanted) {
    select.dataset.options = wanted;
    select.replaceChildren(...options.map(([value, label]) => (0,dom.el)("option", { value, text: label })));
  }
  select.value = chosen;
}

;// ../neuroworkflow_agent/surfaces/panel/js/sessions.js
// @ts-check
// The list of sessions: go to one, rename it, delete it.



/** @import { Store } from "./store.js" */

const MIN_CHARS = 3;
const PAUSE_MS = 300;

/** @param {Store} store @param {HTMLElement} root @param {(text: string) => void} problem */
async function openSessions(store, root, problem) {
  const { trans } = store;
  const list = (0,dom.el)("ul.nwa-sessions", { "aria-label": trans.__("Sessions") });
  const search = (0,dom.el)("input", { type: "search", placeholder: trans.__("Search"), "aria-label": trans.__("Search in sessions"), dir: "auto", oninput: () => look() });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const filter = () => {
    const wanted = search.value.trim().toLocaleLowerCase();
    for (const node of list.children) {
      const { title, words } = /** @type {HTMLElement} */ (node).dataset;
      const isSaidThere = Boolean(words) && words === wanted;
      /** @type {HTMLElement} */ (node).hidden = !(title ?? "").includes(wanted) && !isSaidThere;
      node.querySelector(".nwa-said-there")?.toggleAttribute("hidden", !isSaidThere);
    }
  };
  /** Titles at once; what was said in the sessions, asked of the kernel, a moment later. */
  const look = () => {
    clearTimeout(timer);
    filter();
    const words = search.value.trim();
    if (words.length >= MIN_CHARS) timer = setTimeout(() => ask({ type: "sessions", words }, (reply) => show(words, reply)), PAUSE_MS);
  };
  /** @param {string} words @param {any} reply */
  const show = (words, reply) => {
    if (search.value.trim() !== words) return;
    const places = new Map(reply.sessions.map((/** @type {any} */ found) => [found.id, found.place]));
    for (const node of list.children) {
      const place = places.get(/** @type {HTMLElement} */ (node).dataset.id) ?? "";
      /** @type {HTMLElement} */ (node).dataset.words = place ? words.toLocaleLowerCase() : "";
      const shown = node.querySelector(".nwa-said-there");
      if (shown) shown.textContent = place;
    }
    filter();
  };
  const dialog = (0,dom/* openDialog */.Dh)(trans, root, trans.__("Sessions"), search, list);
  /** @param {any} message @param {(reply: any) => void} done */
  const ask = async (message, done) => {
    try {
      done(await store.ask(message));
    } catch (error) {
      dialog.close();
      problem(/** @type {Error} */ (error).message);
    }
  };
  /** @param {any} reply */
  const draw = (reply) => {
    list.replaceChildren(...reply.sessions.map((/** @type {any} */ found) => row(found)));
    filter();
    if (reply.sessions.length === 0) list.append((0,dom.el)("li", { text: trans.__("No sessions in this workspace yet.") }));
    (list.querySelector("button") ?? dialog.querySelector("button"))?.focus();
  };
  /** @param {any} found */
  const row = (found) => {
    const isCurrent = found.id === store.state.session;
    const time = new Date(found.modified).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    const open = (0,dom.el)(
      "button.nwa-session",
      {
        type: "button",
        "aria-current": isCurrent ? "true" : null,
        onclick: () => {
          dialog.close();
          if (!isCurrent) store.send({ type: "resume", id: found.id });
        },
      },
      (0,dom.el)("span", { text: found.title, dir: "auto" }),
      (0,dom.el)("small", { text: isCurrent ? trans.__("%1 · open", time) : time }),
      (0,dom.el)("small.nwa-said-there", { dir: "auto", hidden: true }),
    );
    const node = (0,dom.el)("li", { "data-title": found.title.toLocaleLowerCase(), "data-id": found.id }, open, (0,dom/* button */.x6)(trans.__("Rename"), () => rename(), { title: trans.__("Rename %1", found.title) }), (0,dom/* button */.x6)(trans.__("Delete"), () => askTwice(), { title: trans.__("Delete %1", found.title) }));
    const rename = () => {
      const title = (0,dom.el)("input", { type: "text", value: found.title, "aria-label": trans.__("Title"), dir: "auto" });
      const form = (0,dom.el)(
        "form.nwa-row",
        { onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); ask({ type: "rename", id: found.id, title: title.value }, draw); } },
        title,
        (0,dom.el)("button.nwa-main", { type: "submit", text: trans.__("Save") }),
      );
      node.replaceChildren(form);
      title.select();
      title.focus();
    };
    const askTwice = () => {
      const keep = (0,dom/* button */.x6)(trans.__("Keep"), () => node.replaceWith(row(found)));
      node.replaceChildren(
        (0,dom.el)("span", { role: "alert", text: trans.__("Delete “%1” for good?", found.title) }),
        (0,dom/* button */.x6)(trans.__("Delete for good"), () => ask({ type: "delete", id: found.id }, draw), { css: "nwa-danger" }),
        keep,
      );
      keep.focus();
    };
    return node;
  };
  await ask({ type: "sessions" }, draw);
}

;// ../neuroworkflow_agent/surfaces/panel/js/sign_in.js
// @ts-check
// Where no model can be had: a form for a key. It goes to the kernel in one message, and is kept nowhere in the page.



/** @import { Store } from "./store.js" */

/** Whose address has to be said. */
const WITH_ADDRESS = ["gateway", "server"];

class SignInForm {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    const { trans } = store;
    const kinds = [
      ["anthropic", "Anthropic"],
      ["openai", "OpenAI"],
      ["gateway", trans.__("A hub’s gateway")],
      ["server", trans.__("A model server")],
    ];
    this.kind = (0,dom.el)(
      "select",
      { "aria-label": trans.__("Who takes the key"), onchange: () => this.drawKind() },
      ...kinds.map(([value, text]) => (0,dom.el)("option", { value, text })),
    );
    this.address = (0,dom.el)("input", { type: "url", placeholder: "https://…", "aria-label": trans.__("Base URL"), spellcheck: false });
    this.key = (0,dom.el)("input", { type: "password", placeholder: trans.__("Key"), "aria-label": trans.__("Key"), autocomplete: "off", spellcheck: false });
    this.save = (0,dom.el)("button.nwa-main", { type: "submit", text: trans.__("Save") });
    this.said = (0,dom.el)("p", { role: "alert", dir: "auto" });
    this.form = (0,dom.el)(
      "form.nwa-sign-in",
      {
        "aria-label": trans.__("Sign in"),
        autocomplete: "off",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          this.submit();
        },
      },
      (0,dom.el)("p", { text: trans.__("Sign in with a key. It is tried once, kept for you alone on the kernel’s machine, and never shown or put into the notebook.") }),
      (0,dom.el)("div.nwa-row", {}, this.kind, this.address, this.key, this.save),
      this.said,
    );
    this.node = (0,dom.el)("div");
    this.drawKind();
  }

  drawKind() {
    this.address.hidden = !WITH_ADDRESS.includes(this.kind.value);
    this.address.required = !this.address.hidden;
    this.key.required = this.kind.value !== "server";
  }

  /** @param {boolean} isWanted */
  draw(isWanted) {
    if (isWanted === this.node.contains(this.form)) return;
    this.node.replaceChildren(...(isWanted ? [this.form] : []));
    this.key.value = "";
  }

  async submit() {
    this.save.disabled = true;
    this.said.textContent = "";
    try {
      const url = this.address.hidden ? "" : this.address.value;
      await this.store.ask({ type: "sign_in", kind: this.kind.value, url, key: this.key.value });
    } catch (error) {
      this.said.textContent = /** @type {Error} */ (error).message;
      this.key.focus();
    }
    this.key.value = "";
    this.save.disabled = false;
  }
}

;// ../neuroworkflow_agent/surfaces/panel/js/undo.js
// @ts-check
// Undoing a turn: what it would do is shown, the user chooses, it is done.


/** @import { Store } from "./store.js" */

/** @param {Store} store @param {HTMLElement} root @param {string} turn @param {(text: string) => void} problem */
async function openUndo(store, root, turn, problem) {
  const { trans } = store;
  /** @type {any} */
  let plan;
  try {
    plan = await store.ask({ type: "undo_plan", turn });
  } catch (error) {
    problem(/** @type {Error} */ (error).message);
    return;
  }
  const forget = undo_checkbox(trans.__("The agent forgets this turn"), true);
  /** @type {{key: string, kind: string, input: HTMLInputElement}[]} */
  const boxes = [];
  /** @type {{kind: string, input: HTMLInputElement}[]} */
  const kinds = [];
  const titles = { files: trans.__("Files"), cells: trans.__("Cells"), variables: trans.__("Variables") };
  const groups = Object.entries(titles).flatMap(([kind, title]) => {
    const wanted = plan.effects.filter((/** @type {any} */ each) => each.kind === kind && each.can);
    if (wanted.length === 0) return [];
    const all = undo_checkbox(title, true);
    const items = wanted.map((/** @type {any} */ each) => {
      const box = undo_checkbox(each.text, true);
      boxes.push({ key: each.key, kind, input: box.input });
      box.input.addEventListener("change", () => draw());
      return (0,dom.el)("li", {}, box.node);
    });
    all.input.addEventListener("change", () => {
      for (const box of boxes) if (box.kind === kind) box.input.checked = all.input.checked;
      draw();
    });
    kinds.push({ kind, input: all.input });
    return [(0,dom.el)("fieldset", {}, (0,dom.el)("legend", {}, all.node), (0,dom.el)("ul", {}, ...items))];
  });
  const stays = [...plan.effects.filter((/** @type {any} */ each) => !each.can).map((/** @type {any} */ each) => each.text), ...plan.limits];
  const draw = () => {
    for (const { kind, input } of kinds) {
      const of = boxes.filter((box) => box.kind === kind);
      input.checked = of.every((box) => box.input.checked);
      input.indeterminate = !input.checked && of.some((box) => box.input.checked);
    }
    // What is left must not be unknown to the agent.
    const isAll = boxes.every((box) => box.input.checked);
    forget.input.disabled = !isAll;
    if (!isAll) forget.input.checked = false;
  };
  const undo = (0,dom/* button */.x6)(trans.__("Undo"), async () => {
    undo.disabled = true;
    const keys = forget.input.checked ? null : boxes.filter((box) => box.input.checked).map((box) => box.key);
    try {
      await store.ask({ type: "undo", turn, keys });
    } catch (error) {
      problem(/** @type {Error} */ (error).message);
    }
    dialog.close();
  }, { css: "nwa-main" });
  const dialog = (0,dom/* openDialog */.Dh)(
    trans,
    root,
    trans.__("Undo this turn?"),
    (0,dom.el)("p.nwa-target", { text: plan.prompt, dir: "auto" }),
    ...(boxes.length ? groups : [(0,dom.el)("p", { text: trans.__("This turn changed nothing that can be taken back.") })]),
    ...(stays.length ? [(0,dom.el)("section", { "aria-label": trans.__("Cannot be undone") }, (0,dom.el)("h3", { text: trans.__("Cannot be undone") }), (0,dom.el)("ul", {}, ...stays.map((text) => (0,dom.el)("li", { text, dir: "auto" }))))] : []),
    forget.node,
    (0,dom.el)("div.nwa-row", {}, undo, (0,dom/* button */.x6)(trans.__("Cancel"), () => dialog.close())),
  );
  dialog.classList.add("nwa-undo");
  undo.focus();
}

/** @param {string} text @param {boolean} checked */
function undo_checkbox(text, checked) {
  const input = (0,dom.el)("input", { type: "checkbox", checked });
  return { input, node: (0,dom.el)("label", {}, input, (0,dom.el)("span", { text, dir: "auto" })) };
}

;// ../neuroworkflow_agent/surfaces/panel/js/panel.js
// @ts-check
// One view of a chat: transcript, status, composer.










/** @import { Item, Op, Store } from "./store.js" */

const NEAR_PX = 60;
/** How many items are drawn before the page is shown, at its end, and how many at a time later. */
const FIRST = 30;
const MORE = 40;
const LATEST_MS = 200;

/** Whether a key pressed in the panel is meant for the notebook: Ctrl+S and its like. @param {KeyboardEvent} event */
function isNotebooks(event) {
  return (event.ctrlKey || event.metaKey) && event.key !== "Enter";
}

class PanelView {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    this.trans = store.trans;
    const { trans } = this;
    this.words = store.transport.words ?? besideANotebook(trans);
    /** @type {Map<string, Card>} */
    this.cards = new Map();
    /** Ids of items above all that are drawn, which are drawn when the page has time. @type {string[]} */
    this.earlier = [];
    this.isAtEnd = true;
    this.unlisten = () => {};
    this.title = (0,dom.el)("h2");
    this.context = (0,dom.el)("small");
    this.served = (0,dom.el)("p", { dir: "auto" });
    this.cost = (0,dom.el)("small", { title: trans.__("What this session has cost so far") });
    this.log = (0,dom.el)("div.nwa-log", { role: "log", "aria-live": "off", "aria-label": trans.__("Session"), tabIndex: 0 });
    this.newer = (0,dom/* button */.x6)(trans.__("Newest"), () => this.toEnd(), { css: "nwa-newer" });
    this.newer.hidden = true;
    this.status = (0,dom.el)("div.nwa-status");
    this.trouble = (0,dom.el)("div.nwa-trouble", { role: "alert" });
    /** What is wrong in which session; it is shown in that one. @type {Map<string, string>} */
    this.troubles = new Map();
    this.live = (0,dom.el)("div.nwa-hidden", { "aria-live": "polite", role: "status" });
    this.node = (0,dom.el)("section.nwa.nwa-panel.mathjax_ignore.tex2jax_ignore", { "aria-label": trans.__("Chat with the agent") });
    this.signIn = new SignInForm(store);
    this.composer = new Composer(store, this.node, (text) => this.problem(text), (name) => this.obey(name));
    this.node.append(
      (0,dom.el)(
        "header.nwa-head",
        {},
        this.title,
        this.context,
        this.cost,
        (0,dom/* button */.x6)(trans.__("This session: turns, context, cost"), () => this.obey("/context"), { icon: "gauge" }),
        (0,dom/* button */.x6)(trans.__("New session"), () => this.obey("/new"), { icon: "add" }),
        (0,dom/* button */.x6)(trans.__("Sessions"), () => this.obey("/sessions"), { icon: "list" }),
      ),
      (0,dom.el)("div.nwa-middle", {}, this.log, this.newer),
      this.signIn.node,
      this.trouble,
      this.status,
      this.composer.node,
      this.live,
    );
    this.listen();
    store.listeners.add(this);
    this.reset();
    this.state();
    this.clock = setInterval(() => this.drawStatus(), 1000);
  }

  /** Do what a button, or a command in the field, asks for. @param {string} name */
  obey(name) {
    const { chats } = this.store.transport;
    if (name === "/new") chats ? chats.begin() : this.store.send({ type: "new" });
    else if (name === "/sessions" && chats) chats.list();
    else if (name === "/sessions") openSessions(this.store, this.node, (text) => this.problem(text));
    else if (name === "/context") openAccount(this.store, this.node, (text) => this.problem(text), () => this.obey("/compact"));
    else if (name === "/compact") this.ask({ type: "compact" });
    else if (name === "/stop") this.store.stop();
    else if (name === "/model") this.composer.model.focus();
    else if (name === "/mode") this.composer.mode.focus();
  }

  /** Ask for something; say what went wrong. @param {any} message */
  ask(message) {
    this.store.ask(message).catch((error) => this.problem(error.message));
  }

  close() {
    clearInterval(this.clock);
    this.earlier = [];
    this.unlisten();
    this.store.listeners.delete(this);
  }

  listen() {
    // Keys in the panel are the panel's: in a notebook Shift+Enter would run the cell, and d d delete it. JupyterLab
    // asks the focused element for this attribute, in a listener of the document's. Ctrl+S and its like go on to it.
    const onAnyKey = (/** @type {KeyboardEvent} */ event) => {
      const target = /** @type {Element} */ (event.target);
      if (!this.node.contains(target)) return;
      target.toggleAttribute("data-lm-suppress-shortcuts", !isNotebooks(event));
    };
    window.addEventListener("keydown", onAnyKey, true);
    // What is below it has become larger or smaller: a message that waits, a longer one, what went wrong.
    const sizes = new ResizeObserver(() => this.isAtEnd && this.toEnd());
    sizes.observe(this.log);
    this.unlisten = () => {
      sizes.disconnect();
      window.removeEventListener("keydown", onAnyKey, true);
    };
    // A picture that comes late makes what is shown longer.
    this.log.addEventListener("load", () => this.isAtEnd && this.toEndSoon(), true);
    let top = 0;
    this.log.addEventListener("scroll", () => {
      // What is added below meanwhile is not a wish to stay here; only going up is.
      const isNear = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR_PX;
      if (isNear) this.isAtEnd = true;
      else if (this.log.scrollTop < top) this.isAtEnd = false;
      top = this.log.scrollTop;
      if (this.isAtEnd) this.newer.hidden = true;
    });
    this.node.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (!isNotebooks(event)) event.stopPropagation();
      if (event.key === "Escape" && this.store.isAtWork && !event.isComposing) {
        this.store.stop();
        event.preventDefault();
      }
    });
    this.node.addEventListener("click", (/** @type {MouseEvent} */ event) => {
      const link = /** @type {Element} */ (event.target).closest?.("a[href]");
      if (link && !link.matches(".nwa-place > .nwa-file")) {
        event.preventDefault();
        this.showTarget(/** @type {HTMLAnchorElement} */ (link).href);
      }
    });
    this.node.addEventListener("auxclick", (/** @type {MouseEvent} */ event) => {
      if (/** @type {Element} */ (event.target).closest?.("a[href]")) event.preventDefault();
    });
    for (const kind of ["dragenter", "dragover"]) {
      this.node.addEventListener(kind, (/** @type {DragEvent} */ event) => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        event.stopPropagation();
        this.node.classList.add("nwa-drop");
      });
    }
    this.node.addEventListener("dragleave", () => this.node.classList.remove("nwa-drop"));
    this.node.addEventListener("drop", (/** @type {DragEvent} */ event) => {
      this.node.classList.remove("nwa-drop");
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      event.stopPropagation();
      this.composer.upload(files);
    });
  }

  /** Links are the model's, or the data's: say where one goes before it is followed. @param {string} target */
  showTarget(target) {
    const { trans } = this;
    const dialog = (0,dom/* openDialog */.Dh)(
      trans,
      this.node,
      trans.__("Open this link?"),
      (0,dom.el)("p.nwa-target", { text: target }),
      (0,dom.el)(
        "div.nwa-row",
        {},
        (0,dom/* button */.x6)(trans.__("Open"), () => {
          window.open(target, "_blank", "noopener,noreferrer");
          dialog.close();
        }, { css: "nwa-main" }),
        (0,dom/* button */.x6)(trans.__("Cancel"), () => dialog.close()),
      ),
    );
  }

  // -- what the store tells ---------------------------------------------------------------------------

  reset() {
    this.cards.clear();
    this.log.replaceChildren();
    const ids = [...this.store.items.keys()];
    this.earlier = ids.slice(0, -FIRST);
    for (const id of ids.slice(-FIRST)) this.add(/** @type {Item} */ (this.store.items.get(id)));
    this.drawEmpty();
    this.toEnd();
    this.drawEarlierSoon();
  }

  /** @param {Item} item @param {Op} op */
  changed(item, op) {
    if (this.earlier.includes(item.id)) return; // it is drawn as it is then
    const card = this.cards.get(item.id);
    if (op.op === "put" || !card) this.add(item);
    else card.update(op);
    this.markUndone(item);
    this.announce(item, op);
    if (op.op === "put" && item.kind === "user") this.noProblem();
    if (this.isAtEnd || (op.op === "put" && item.kind === "user")) this.toEndSoon();
    else if (op.op === "put") this.newer.hidden = false;
  }

  state() {
    const { store: { state, isLive }, trans } = this;
    this.title.textContent = state.title || trans.__("New session");
    this.title.title = state.title || "";
    this.title.dir = "auto";
    this.cost.textContent = state.cost || "";
    this.context.textContent = state.context || "";
    this.context.title = trans.__("How full the model’s context is: %1 tokens. When it is nearly full, the session so far is summarized.", state.context_tokens);
    this.node.classList.toggle("nwa-busy", Boolean(state.busy));
    this.served.textContent = state.introduction || trans.__("Model: %1.", state.model);
    this.composer.drawState();
    this.signIn.draw(Boolean(state.needs_key));
    this.drawTrouble();
    this.drawStatus();
    if (!isLive && this.store.transport.lost && !this.lost) {
      this.lost = (0,dom.el)("p.nwa-item.nwa-notice.nwa-failed", { role: "alert", text: this.store.transport.lost });
      this.log.append(this.lost);
      this.toEnd();
    }
    this.node.classList.toggle("nwa-dead", !isLive);
  }

  /** @param {string} text */
  problem(text) {
    delete this.trouble.dataset.drawn; // to be heard again
    this.troubles.set(String(this.store.state.session), text);
    this.drawTrouble();
  }

  noProblem() {
    this.troubles.delete(String(this.store.state.session));
    this.drawTrouble();
  }

  // -- drawing ----------------------------------------------------------------------------------------

  /** @param {Item} item */
  add(item) {
    this.log.querySelector(".nwa-empty")?.remove();
    this.cards.get(item.id)?.node.remove();
    this.log.append(this.card(item).node);
    this.markUndone(item);
  }

  /** @param {Item} item */
  card(item) {
    const card = new Card(item, this.store, {
      fork: (messageId) => this.fork(messageId),
      goOn: () => this.ask({ type: "go_on" }),
      again: (turn) => this.askAgain(turn),
      edit: (turn, text) => this.composer.edit(turn, text),
      drop: (turn) => this.ask({ type: "drop", turn }),
      undo: (turn) => openUndo(this.store, this.node, turn, (text) => this.problem(text)),
      problem: (text) => this.problem(text),
    });
    this.cards.set(item.id, card);
    return card;
  }

  /** Ask the same again, in a copy of the session that ends before it. @param {string} turn */
  askAgain(turn) {
    const said = [...this.store.items.values()].find((item) => item.kind === "user" && item.turn === turn);
    // Of what was attached only files are known by their names.
    const files = (said?.attached ?? []).filter((/** @type {string} */ name) => /[./]/.test(name));
    if (said) this.ask({ type: "edit", turn, text: said.text, chips: files.map((/** @type {string} */ value) => ({ kind: "file", value })) });
  }

  /** Go on in a copy of the session. @param {string} messageId The last message to copy */
  async fork(messageId) {
    try {
      const reply = await this.store.ask({ type: "fork", message_id: messageId });
      if (reply.id) this.store.transport.chats?.go(reply.id);
    } catch (error) {
      this.problem(/** @type {Error} */ (error).message);
    }
  }

  /** Go on with what stands above, once the page has been shown and is not needed for anything else. */
  drawEarlierSoon() {
    if (this.earlier.length === 0 || this.isDrawingSoon) return;
    this.isDrawingSoon = true;
    const draw = () => {
      this.isDrawingSoon = false;
      this.drawEarlier();
      this.drawEarlierSoon();
    };
    if ("requestIdleCallback" in window) requestIdleCallback(draw, { timeout: LATEST_MS });
    else setTimeout(draw); // Safari
  }

  /** Draw some of the items that stand above; what is seen stays where it is. */
  drawEarlier() {
    const items = this.earlier.splice(-MORE).flatMap((id) => this.store.items.get(id) ?? []);
    const { log } = this;
    const below = log.scrollHeight - log.scrollTop;
    log.prepend(...items.map((item) => this.card(item).node));
    for (const item of this.store.items.values()) this.markUndone(item); // a turn may begin above what was drawn
    log.scrollTop = log.scrollHeight - below;
  }

  /** Show that a turn was undone on all there is of it. @param {Item} item Its end. */
  markUndone(item) {
    if (item.kind !== "end" || !item.undone) return;
    let node = this.cards.get(item.id)?.node.previousElementSibling;
    for (; node && !node.matches(".nwa-end"); node = node.previousElementSibling) node.classList.add("nwa-undone");
  }

  drawTrouble() {
    const text = this.troubles.get(String(this.store.state.session)) ?? "";
    if (this.trouble.dataset.drawn === text) return;
    this.trouble.dataset.drawn = text;
    if (text) this.trouble.replaceChildren((0,dom.el)("span", { text, dir: "auto" }), (0,dom/* button */.x6)(this.trans.__("Dismiss"), () => this.noProblem(), { icon: "close" }));
    else this.trouble.replaceChildren();
  }

  drawEmpty() {
    if (this.store.items.size || !this.store.isLoaded) return;
    const { trans } = this;
    this.log.append(
      (0,dom.el)(
        "div.nwa-empty",
        {},
        (0,dom.el)("p", { text: this.words.empty }),
        (0,dom.el)("p.nwa-starters", {}, ...this.words.starters.map((text) => (0,dom/* button */.x6)(text, () => this.composer.begin(text)))),
        this.served,
        (0,dom.el)("p", { text: trans.__("Enter sends, Shift+Enter makes a new line, Escape stops.") }),
      ),
    );
  }

  drawStatus() {
    const { store: { activitySince, busySince, codeSince, isLoaded, isLive, state }, trans } = this;
    const seconds = (/** @type {number} */ since) => Math.round((performance.now() - since) / 1000);
    if (!isLive) this.status.textContent = this.words.gone;
    else if (!isLoaded) this.status.textContent = this.words.waiting;
    else if (busySince === null) this.status.textContent = state.runs_on ? trans.__("Code of the agent’s still runs · %1 s · Escape stops it", seconds(codeSince)) : "";
    else this.status.textContent = trans.__("%1 · %2 s · Escape stops", state.activity || trans.__("Working"), seconds(activitySince));
  }

  /** Once a frame: asking for the height has the page laid out. */
  toEndSoon() {
    this.isAtEnd = true;
    if (this.scrolling) return;
    this.scrolling = requestAnimationFrame(() => {
      this.scrolling = undefined;
      if (this.isAtEnd) this.toEnd();
    });
  }

  toEnd() {
    this.isAtEnd = true;
    this.newer.hidden = true;
    this.log.scrollTop = this.log.scrollHeight;
  }

  /** Tell a screen reader what a sighted person would notice. @param {Item} item @param {Op} op */
  announce(item, op) {
    if (op.op !== "set" && !(op.op === "put" && item.kind !== "answer")) return;
    const fields = op.op === "set" ? op.fields : item;
    if (item.kind === "answer" && fields.done) this.live.textContent = this.cards.get(item.id)?.parts.textContent ?? "";
    else if (fields.state === "asking") this.live.textContent = this.trans.__("The agent asks: %1", item.title ?? item.questions?.[0]?.question ?? "");
    else if (item.kind === "notice" && op.op === "put" && !this.store.state.busy) this.live.textContent = item.text;
    else if (item.kind === "end" && item.end !== "complete") this.live.textContent = item.text;
  }
}

;// ../neuroworkflow_agent/surfaces/panel/js/store.js
// @ts-check
// What the kernel has told this page about one panel; every view of the panel draws from it.



/** @import { PanelNotebook } from "./notebook_page.js" */
/** @import { Transport } from "./transport.js" */

/**
 * @typedef {{id: string, kind: string, parts: string[], [field: string]: any}} Item
 * @typedef {{op: "put", item: Item} | {op: "set", id: string, fields: Record<string, any>}
 *   | {op: "parts", id: string, start: number, keep: number, tail: string | null, more: string[]}} Op
 * @typedef {{reset(): void, changed(item: Item, op: Op): void, state(): void, problem(text: string): void}} Listener
 */

const ANSWER_MS = 500;
const RETRY_MS = 4000;

class Store {
  /** @param {Transport} transport @param {PanelNotebook} notebook The one that the chat is beside; it ends with this. */
  constructor(transport, notebook) {
    this.transport = transport;
    this.trans = transport.trans;
    this.notebook = notebook;
    /** @type {Map<string, Item>} */
    this.items = new Map();
    /** @type {Record<string, any>} */
    this.state = { busy: false, activity: "", queue: [], title: "", models: [], modes: [], model: "", mode: "", introduction: "", error: "", session: null, needs_key: false, runs_on: false, left_code_s: 0 };
    this.isLoaded = false;
    this.isLive = true;
    /** @type {number | null} */
    this.busySince = null;
    this.activitySince = 0;
    this.codeSince = 0;
    this.seq = -1;
    this.name = (0,dom/* uniqueId */.NF)("view");
    /** @type {any[]} */
    this.early = [];
    /** @type {Item[]} */
    this.arriving = [];
    this.parts = 0; // of a snapshot that arrives, and what it is of
    this.partsOf = -1;
    /** @type {Set<Listener>} */
    this.listeners = new Set();
    /** @type {Map<number, {resolve: Function, reject: Function}>} */
    this.requests = new Map();
    this.count = 0;
    /** @type {Map<string, string>} */
    this.pictures = new Map();
    /** @type {Map<string, Set<(url: string) => void>>} */
    this.wanted = new Map();
    this.ends = [transport.receive((message, buffers) => this.receive(message, buffers)), transport.onLife(() => this.checkLife())];
    this.hello();
  }

  close() {
    for (const end of this.ends) end();
    clearTimeout(this.retry);
    this.notebook.close();
    for (const url of this.pictures.values()) URL.revokeObjectURL(url);
  }

  /** @param {any} message @param {ArrayBuffer[]} [buffers] */
  send(message, buffers) {
    this.transport.send(message, buffers);
  }

  /**
   * Send a message that is answered; a problem rejects.
   * @param {any} message @param {ArrayBuffer[]} [buffers] @returns {Promise<any>}
   */
  ask(message, buffers) {
    this.count += 1;
    const request = this.count;
    return new Promise((resolve, reject) => {
      this.requests.set(request, { resolve, reject });
      this.send({ ...message, request: `${this.name}:${request}` }, buffers);
    });
  }

  /** Ask for everything; again if no answer comes, since a busy kernel may be slow and a new one deaf. */
  hello() {
    this.send({ type: "hello", view: this.name });
    this.helloLater();
  }

  helloLater() {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      if ((!this.isLoaded || this.arriving.length) && this.isLive) this.hello();
    }, RETRY_MS);
  }

  /** Begin anew with who is at the other end now: what was asked before nobody answers any more. */
  renew() {
    const asked = [...this.requests.values()];
    this.requests.clear();
    for (const { reject } of asked) reject(new Error(this.trans.__("The kernel ended before it had taken this in. Send it again.")));
    this.isLoaded = false;
    this.early = [];
    this.hello();
    void this.checkLife();
  }

  async checkLife() {
    this.isLive = await this.transport.isAlive();
    // Nothing is done any more where nobody is.
    if (!this.isLive && this.isAtWork) this.setState({ busy: false, activity: "", runs_on: false });
    this.tell("state");
  }

  /** @param {any} message @param {DataView[]} buffers */
  receive(message, buffers) {
    switch (message.type) {
      case "snapshot":
        if (message.view === null || message.view === this.name) this.takeSnapshot(message);
        break;
      case "patch":
        this.takePatch(message);
        break;
      case "picture":
        this.keepPicture(message, buffers[0]);
        break;
      case "stopping":
        this.stopHeard = true;
        break;
      default:
        this.settle(message);
    }
  }

  /** @param {any} message */
  settle(message) {
    const [name, number] = String(message.request ?? "").split(":");
    const waiting = name === this.name ? this.requests.get(Number(number)) : undefined;
    if (waiting) {
      this.requests.delete(Number(number));
      if (message.type === "problem") waiting.reject(new Error(message.text));
      else waiting.resolve(message);
    } else if (message.type === "problem" && !message.request) {
      for (const listener of this.listeners) listener.problem(message.text);
    }
  }

  /** @param {any} message */
  takeSnapshot(message) {
    if (message.part === 0) {
      this.arriving = [];
      this.parts = 0;
      this.partsOf = message.seq;
    } else if (message.part !== this.parts || message.seq !== this.partsOf) return; // of one that another has cut off
    this.parts += 1;
    this.arriving.push(...message.items);
    if (this.parts < message.of) {
      this.helloLater(); // it is on its way, as slow as that may be
      return;
    }
    clearTimeout(this.retry);
    this.items = new Map(this.arriving.map((item) => [item.id, item]));
    this.arriving = [];
    this.seq = message.seq;
    this.isLoaded = true;
    this.setState(message.state);
    this.tell("reset");
    const early = this.early;
    this.early = [];
    for (const patch of early) this.takePatch(patch);
  }

  /** @param {any} message */
  takePatch(message) {
    if (!this.isLoaded || this.arriving.length) {
      this.early.push(message);
      return;
    }
    if (message.seq <= this.seq) return;
    if (message.seq > this.seq + 1) {
      this.isLoaded = false;
      this.early = [message];
      this.hello();
      return;
    }
    this.seq = message.seq;
    for (const op of message.ops) this.apply(op);
    this.setState(message.state);
  }

  /** @param {Op} op */
  apply(op) {
    if (op.op === "put") {
      this.items.set(op.item.id, op.item);
      for (const listener of this.listeners) listener.changed(op.item, op);
      return;
    }
    const item = this.items.get(op.id);
    if (!item) return;
    if (op.op === "set") Object.assign(item, op.fields);
    else if (op.tail === null) item.parts.length = op.start;
    else {
      const kept = (item.parts[op.start] ?? "").slice(0, op.keep);
      item.parts.splice(op.start, Infinity, kept + op.tail, ...op.more);
    }
    for (const listener of this.listeners) listener.changed(item, op);
  }

  /** @param {Record<string, any>} changed */
  setState(changed) {
    if (Object.keys(changed).length === 0) return;
    if (changed.busy !== undefined && changed.busy !== (this.busySince !== null)) {
      this.busySince = changed.busy ? performance.now() : null;
    }
    if (changed.activity !== undefined) this.activitySince = performance.now();
    if (changed.left_code_s !== undefined) this.codeSince = performance.now() - changed.left_code_s * 1000;
    Object.assign(this.state, changed);
    this.tell("state");
  }

  /** @param {"reset" | "state"} what */
  tell(what) {
    for (const listener of this.listeners) listener[what]();
  }

  /** Whether a turn runs, or code of one that has ended. */
  get isAtWork() {
    return Boolean(this.state.busy || this.state.runs_on);
  }

  /** Stop the turn. Where messages wait for the running cell, interrupt the agent's own code instead. */
  stop() {
    this.stopHeard = false;
    this.send({ type: "stop" });
    setTimeout(() => {
      if (this.stopHeard || !this.isAtWork) return;
      const runs = [...this.items.values()].some((item) => item.kind === "tool" && item.state === "running" && item.name === "run_code");
      if (runs && this.transport.interrupt()) return;
      for (const listener of this.listeners) listener.problem(this.trans.__("Stop is on its way; this Jupyter hands it over when the running cell ends."));
    }, ANSWER_MS);
  }

  // -- pictures ---------------------------------------------------------------------------------------

  /**
   * Call back with a URL of the picture as soon as it is here.
   * @param {string} key @param {(url: string) => void} place
   */
  picture(key, place) {
    const known = this.pictures.get(key);
    if (known) {
      place(known);
      return;
    }
    const waiting = this.wanted.get(key);
    if (waiting) waiting.add(place);
    else {
      this.wanted.set(key, new Set([place]));
      // One that was just drawn comes by itself.
      setTimeout(() => {
        if (!this.pictures.has(key)) this.send({ type: "picture", key });
      }, 100);
    }
  }

  /** @param {any} message @param {DataView} data */
  keepPicture(message, data) {
    if (this.pictures.has(message.key) || !data) return;
    const url = URL.createObjectURL(new Blob([/** @type {any} */ (data)], { type: message.media_type }));
    this.pictures.set(message.key, url);
    for (const place of this.wanted.get(message.key) ?? []) place(url);
    this.wanted.delete(message.key);
  }
}

// EXTERNAL MODULE: ../../node_modules/style-loader/dist/runtime/injectStylesIntoStyleTag.js
var injectStylesIntoStyleTag = __webpack_require__(8);
var injectStylesIntoStyleTag_default = /*#__PURE__*/__webpack_require__.n(injectStylesIntoStyleTag);
// EXTERNAL MODULE: ../../node_modules/style-loader/dist/runtime/styleDomAPI.js
var styleDomAPI = __webpack_require__(9);
var styleDomAPI_default = /*#__PURE__*/__webpack_require__.n(styleDomAPI);
// EXTERNAL MODULE: ../../node_modules/style-loader/dist/runtime/insertBySelector.js
var insertBySelector = __webpack_require__(10);
var insertBySelector_default = /*#__PURE__*/__webpack_require__.n(insertBySelector);
// EXTERNAL MODULE: ../../node_modules/style-loader/dist/runtime/setAttributesWithoutAttributes.js
var setAttributesWithoutAttributes = __webpack_require__(11);
var setAttributesWithoutAttributes_default = /*#__PURE__*/__webpack_require__.n(setAttributesWithoutAttributes);
// EXTERNAL MODULE: ../../node_modules/style-loader/dist/runtime/insertStyleElement.js
var insertStyleElement = __webpack_require__(12);
var insertStyleElement_default = /*#__PURE__*/__webpack_require__.n(insertStyleElement);
// EXTERNAL MODULE: ../../node_modules/style-loader/dist/runtime/styleTagTransform.js
var styleTagTransform = __webpack_require__(13);
var styleTagTransform_default = /*#__PURE__*/__webpack_require__.n(styleTagTransform);
// EXTERNAL MODULE: ../../node_modules/css-loader/dist/cjs.js!../neuroworkflow_agent/render/markdown.css
var markdown = __webpack_require__(25);
;// ../neuroworkflow_agent/render/markdown.css

      
      
      
      
      
      
      
      
      

var options = {};

options.styleTagTransform = (styleTagTransform_default());
options.setAttributes = (setAttributesWithoutAttributes_default());

      options.insert = insertBySelector_default().bind(null, "head");
    
options.domAPI = (styleDomAPI_default());
options.insertStyleElement = (insertStyleElement_default());

var update = injectStylesIntoStyleTag_default()(markdown/* default */.A, options);




       /* harmony default export */ const render_markdown = (markdown/* default */.A && markdown/* default */.A.locals ? markdown/* default */.A.locals : undefined);

// EXTERNAL MODULE: ../../node_modules/css-loader/dist/cjs.js!../neuroworkflow_agent/surfaces/panel/panel.css
var panel = __webpack_require__(26);
;// ../neuroworkflow_agent/surfaces/panel/panel.css

      
      
      
      
      
      
      
      
      

var panel_options = {};

panel_options.styleTagTransform = (styleTagTransform_default());
panel_options.setAttributes = (setAttributesWithoutAttributes_default());

      panel_options.insert = insertBySelector_default().bind(null, "head");
    
panel_options.domAPI = (styleDomAPI_default());
panel_options.insertStyleElement = (insertStyleElement_default());

var panel_update = injectStylesIntoStyleTag_default()(panel/* default */.A, panel_options);




       /* harmony default export */ const panel_panel = (panel/* default */.A && panel/* default */.A.locals ? panel/* default */.A.locals : undefined);

// EXTERNAL MODULE: ../../node_modules/css-loader/dist/cjs.js!./style/side_bar.css
var side_bar = __webpack_require__(27);
;// ./style/side_bar.css

      
      
      
      
      
      
      
      
      

var side_bar_options = {};

side_bar_options.styleTagTransform = (styleTagTransform_default());
side_bar_options.setAttributes = (setAttributesWithoutAttributes_default());

      side_bar_options.insert = insertBySelector_default().bind(null, "head");
    
side_bar_options.domAPI = (styleDomAPI_default());
side_bar_options.insertStyleElement = (insertStyleElement_default());

var side_bar_update = injectStylesIntoStyleTag_default()(side_bar/* default */.A, side_bar_options);




       /* harmony default export */ const style_side_bar = (side_bar/* default */.A && side_bar/* default */.A.locals ? side_bar/* default */.A.locals : undefined);

;// ./src/answers.js
// @ts-check
// The code of answers: waited for, or the last there is.

/** @import { Item, Store } from "../../neuroworkflow_agent/surfaces/panel/js/store.js" */

const FENCED = /^(`{3,}|~{3,})[^\n]*\n([\s\S]*?)^\1[ \t]*$/gm;
const PYTHON = /^(?:`{3,}|~{3,})[ \t]*(?:python3?|py|ipython3?)\b/i;

/** The last code that the agent has run or written; empty if there is none. @param {Store} store */
function lastCode(store) {
  const codes = [...store.items.values()].flatMap((item) => {
    if (item.kind === "tool") return [item.code ?? ""];
    return item.kind === "answer" && item.done ? blocks(item).filter(([fence]) => PYTHON.test(fence)).map(([, , code]) => code) : [];
  });
  return codes.filter((code) => code.trim()).at(-1)?.replace(/\n$/, "") ?? "";
}

/** The fenced blocks of an answer. @param {Item} item */
function blocks(item) {
  return [...String(item.source ?? "").matchAll(FENCED)];
}

/**
 * Send a message; gives the last code block of the turn that answers it, or null if it has none.
 * @param {Store} store @param {string} text @returns {Promise<string | null>}
 */
async function codeOfAnswer(store, text) {
  const known = new Set(store.items.keys());
  let tell = () => {};
  /** @type {Promise<Item[]>} */
  const answered = new Promise((resolve) => {
    tell = () => {
      const items = [...store.items.values()];
      const asked = items.findIndex((item) => item.kind === "user" && item.text === text && !known.has(item.id));
      const end = items.findIndex((item, index) => index > asked && item.kind === "end");
      if (asked >= 0 && end >= 0) resolve(items.slice(asked, end));
    };
  });
  const listener = { reset: () => tell(), changed: () => tell(), state: () => {}, problem: () => {} };
  store.listeners.add(listener);
  try {
    await store.ask({ type: "ask", text, chips: [] });
    const items = await answered;
    return items.filter((item) => item.kind === "answer").flatMap(blocks).at(-1)?.[2].replace(/\n$/, "") ?? null;
  } finally {
    store.listeners.delete(listener);
  }
}

// EXTERNAL MODULE: consume shared module (default) @jupyterlab/services@^7.2.0 (singleton)
var services_7_2_singleton_ = __webpack_require__(28);
;// ./src/comm.js
// @ts-check
// A comm with the kernel that outlives restarts: every page of a notebook uses one of the same id, so that each hears all.



/** @import { IComm, IKernelConnection } from "@jupyterlab/services/lib/kernel/kernel.js" */

class Comm {
  /** @param {string} target Its name, as the kernel knows it. @param {() => void} onGone Called when the kernel has closed it. */
  constructor(target, onGone) {
    this.target = target;
    this.onGone = onGone;
    /** @type {IKernelConnection | null} */
    this.kernel = null;
    /** @type {string | null} */
    this.subshell = null;
    /** @type {IComm | null} */
    this.comm = null;
    /** @type {Set<(message: any, buffers: DataView[]) => void>} */
    this.listeners = new Set();
  }

  get isOpen() {
    return this.comm !== null && !this.comm.isDisposed;
  }

  /**
   * Open it, in place of one that was open before.
   * @param {IKernelConnection} kernel @param {string | null} subshell @param {string} key What the chat belongs to. @param {any} about
   */
  open(kernel, subshell, key, about) {
    this.leave();
    const comm = kernel.createComm(this.target, `${this.target}:${key}`);
    // We have a subshell; before JupyterLab 4.4 there is nothing to switch off.
    if ("commsOverSubshells" in comm) /** @type {any} */ (comm).commsOverSubshells = "disabled";
    this.kernel = kernel;
    this.subshell = subshell;
    this.comm = comm;
    comm.onMsg = ({ content, buffers }) => {
      for (const listener of this.listeners) listener(content.data, /** @type {DataView[]} */ (buffers ?? []));
    };
    comm.onClose = () => {
      if (this.comm === comm) this.onGone();
    };
    this.put("comm_open", { comm_id: comm.commId, target_name: this.target, data: about }, []);
  }

  /** Leave it open for other pages. */
  leave() {
    this.comm?.dispose();
    this.comm = null;
  }

  /** @param {any} message @param {ArrayBuffer[]} [buffers] */
  send(message, buffers = []) {
    if (this.comm && this.isOpen) this.put("comm_msg", { comm_id: this.comm.commId, data: message }, buffers);
  }

  /** @param {string} type @param {any} content @param {ArrayBuffer[]} buffers */
  put(type, content, buffers) {
    const { kernel } = this;
    if (!kernel || kernel.isDisposed || kernel.status === "dead") return;
    const message = services_7_2_singleton_.KernelMessage.createMessage(
      /** @type {any} */ ({ msgType: type, channel: "shell", username: kernel.username, session: kernel.clientId, content, buffers }),
    );
    if (this.subshell !== null) /** @type {any} */ (message.header).subshell_id = this.subshell;
    kernel.sendShellMessage(/** @type {any} */ (message), false, true);
  }

  /** @param {(message: any, buffers: DataView[]) => void} listener */
  receive(listener) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}

// EXTERNAL MODULE: ./src/in_cell.js + 1 modules
var in_cell = __webpack_require__(22);
;// ./src/known_kernels.js
// @ts-check
// Which kernels this tab has brought our package into, with its subshell there: after a reload their chats are met at once.

/** @import { IKernelConnection } from "@jupyterlab/services/lib/kernel/kernel.js" */

/** The subshell in a kernel that has our package, empty if it has none; null if that is not known. @param {IKernelConnection} kernel */
function subshellIn(kernel) {
  try {
    return sessionStorage.getItem(key(kernel));
  } catch {
    return null;
  }
}

/** @param {IKernelConnection} kernel @param {string | null} subshell */
function remember(kernel, subshell) {
  try {
    sessionStorage.setItem(key(kernel), subshell ?? "");
  } catch {
    // Storage may be full or forbidden; then a page that is loaded anew waits for the running cell.
  }
}

/** @param {IKernelConnection} kernel */
function forget(kernel) {
  try {
    sessionStorage.removeItem(key(kernel));
  } catch {
    // Then nothing was kept either.
  }
}

/** @param {IKernelConnection} kernel */
function key(kernel) {
  return `nwa-kernel-${kernel.id}`;
}

;// ./src/loading.js
// @ts-check
// Our package in the kernel: brought in without a cell, a name, a number or anything shown, and installed where it is missing.

/** @import { IKernelConnection } from "@jupyterlab/services/lib/kernel/kernel.js" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */

/** @typedef {{outcome: "ready"} | {outcome: "missing", install: string[][]} | {outcome: "trouble", text: string}} Loaded */

const PACKAGE = "neuroworkflow_agent";
const LOAD = `__import__("importlib").import_module("${PACKAGE}.surfaces.side_bar.target").register()`;
const ABOUT = `__import__("json").dumps([__import__("sys").executable, bool(__import__("importlib.util").util.find_spec("pip")), __import__("shutil").which("uv")]).encode().hex()`;

/**
 * Load the package, once the kernel is free.
 * @param {IKernelConnection} kernel @param {TranslationBundle} trans
 * @param {() => void} begins Called when the kernel takes it up @returns {Promise<Loaded>}
 */
async function load(kernel, trans, begins) {
  const { loaded, about } = await evaluate(kernel, { loaded: LOAD, about: ABOUT }, begins);
  if (loaded?.status === "ok") return { outcome: "ready" };
  if (loaded?.ename === "ModuleNotFoundError" && loaded.evalue.includes(`'${PACKAGE}`)) return { outcome: "missing", install: installing(JSON.parse(loading_text(about))) };
  return { outcome: "trouble", text: loaded ? `${loaded.ename}: ${loaded.evalue}` : trans.__("The kernel does not answer as IPython’s does.") };
}

/** Run the commands in the kernel, which is busy meanwhile. @param {IKernelConnection} kernel @param {TranslationBundle} trans @param {string[][]} commands @returns {Promise<string>} What went wrong; empty if nothing did. */
async function install(kernel, trans, commands) {
  for (const command of commands) {
    const run = `__import__("subprocess").run(${JSON.stringify(command)}, stdin=-3, stdout=-1, stderr=-2)`;
    const { done } = await evaluate(kernel, { done: `(lambda done: (b"%d\\n" % done.returncode + done.stdout[-4000:]).hex())(${run})` });
    if (done?.status !== "ok") return done ? `${done.ename}: ${done.evalue}` : trans.__("The kernel did not answer.");
    const [code, ...said] = loading_text(done).split("\n");
    if (code !== "0") return said.join("\n").trim() || trans.__("It ended with %1.", code);
  }
  await evaluate(kernel, { caches: `__import__("importlib").invalidate_caches()` });
  return "";
}

/** A command as it is typed. @param {string[]} command */
function typed(command) {
  return command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(" ");
}

/** The commands that install the package where the kernel's Python finds it. @param {[string, boolean, string | null]} about */
function installing([python, hasPip, uv]) {
  const name = PACKAGE.replace("_", "-");
  if (!hasPip && uv) return [[uv, "pip", "install", "--python", python, name]];
  const pip = [python, "-m", "pip", "install", name];
  return hasPip ? [pip] : [[python, "-m", "ensurepip"], pip];
}

/**
 * The values of expressions, or the errors; no trace of it is left in the kernel.
 * @param {IKernelConnection} kernel @param {Record<string, string>} expressions
 * @param {() => void} [begins] Called when the kernel takes them up @returns {Promise<Record<string, any>>}
 */
async function evaluate(kernel, expressions, begins) {
  for (;;) {
    const future = kernel.requestExecute({ code: "", silent: true, store_history: false, allow_stdin: false, stop_on_error: false, user_expressions: expressions }, true);
    if (begins) future.onIOPub = begins; // the first that a request publishes is that it runs
    const { content } = await future.done;
    // A cell that failed takes what is queued behind it along.
    if (/** @type {string} */ (content.status) !== "aborted") return /** @type {any} */ (content).user_expressions ?? {};
  }
}

/** What an expression gave as hexadecimal digits. @param {any} value */
function loading_text(value) {
  const digits = /** @type {string} */ (value?.data?.["text/plain"] ?? "").match(/[0-9a-f]{2}/g) ?? [];
  return new TextDecoder().decode(Uint8Array.from(digits, (pair) => parseInt(pair, 16)));
}

// EXTERNAL MODULE: ./src/preferences.js
var src_preferences = __webpack_require__(19);
;// ./src/saying.js
// @ts-check
// What the side bar says while there is no chat to show, and what can be done about it.




/** @import { IKernelConnection } from "@jupyterlab/services/lib/kernel/kernel.js" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */

class Saying {
  /** @param {TranslationBundle} trans */
  constructor(trans) {
    this.trans = trans;
    this.node = (0,dom.el)("div.nwa-says", { role: "status", tabIndex: -1 });
  }

  /** @param {...(Node | string)} what */
  say(...what) {
    const hadFocus = this.node.contains(document.activeElement);
    this.node.hidden = false;
    this.node.replaceChildren(...what.map((each) => (typeof each === "string" ? (0,dom.el)("p", { text: each, dir: "auto" }) : each)));
    if (hadFocus) this.focus();
  }

  /** On what can be done, or else on what is said: nothing that is typed meanwhile is to reach the notebook. */
  focus() {
    (this.node.querySelector("button") ?? this.node).focus();
  }

  waiting() {
    this.say(this.trans.__("Waiting for the running cell: the agent comes into the kernel when it has ended."));
  }

  loading() {
    this.say(this.trans.__("Bringing the agent into the kernel …"));
  }

  /** @param {string} name */
  otherLanguage(name) {
    this.say(this.trans.__("The agent works in Python kernels; this notebook’s is %1.", name));
  }

  /** @param {() => void} start */
  noKernel(start) {
    const { trans } = this;
    this.say(trans.__("This notebook has no kernel, in which the agent works."), (0,dom/* button */.x6)(trans.__("Start a kernel"), start));
  }

  /** @param {string} text @param {() => void} again */
  trouble(text, again) {
    const { trans } = this;
    this.say(trans.__("The agent could not be brought into the kernel."), (0,dom.el)("pre", { text, tabIndex: 0 }), (0,dom/* button */.x6)(trans.__("Try again"), again));
  }

  /** @param {IKernelConnection} kernel @param {string[][]} commands @param {() => void} again */
  missing(kernel, commands, again) {
    const { trans } = this;
    const line = commands.map(typed).join(" && ");
    const ask = () => {
      this.say(
        trans.__("Run this where the kernel runs? It downloads the package and what it needs, and changes the kernel’s environment."),
        (0,dom.el)("pre", { text: line, tabIndex: 0 }),
        (0,dom.el)("p", {}, (0,dom/* button */.x6)(trans.__("Run it"), run), " ", (0,dom/* button */.x6)(trans.__("Cancel"), () => this.missing(kernel, commands, again))),
      );
      this.focus();
    };
    const run = async () => {
      this.say(trans.__("Installing; the kernel is busy meanwhile …"));
      const trouble = await install(kernel, trans, commands).catch(() => trans.__("The kernel ended meanwhile."));
      if (!trouble) again();
      else this.say(trans.__("That did not work:"), (0,dom.el)("pre", { text: trouble, tabIndex: 0 }), (0,dom/* button */.x6)(trans.__("Try again"), again));
    };
    this.say(
      trans.__("The agent is not installed in this kernel’s environment. This line installs it there:"),
      (0,dom.el)("pre", { text: line, tabIndex: 0 }),
      (0,dom.el)("p", {}, (0,dom/* button */.x6)(trans.__("Install …"), ask), " ", (0,dom/* button */.x6)(trans.__("Look again"), again)),
    );
  }
}

;// ./src/tabs.js
// @ts-check
// Tabs above what they show, by pointer and by keys as people know them from elsewhere.



/** @typedef {{name: string, node: HTMLElement, onShow?(): void, onHide?(): void}} Page */

class Tabs {
  /** @param {string} label @param {Page[]} pages The first one is shown. */
  constructor(label, pages) {
    this.pages = pages;
    this.chosen = 0;
    this.buttons = pages.map(({ name, node }, index) => {
      node.id ||= (0,dom/* uniqueId */.NF)("page");
      const tab = (0,dom.el)("button", { type: "button", role: "tab", id: (0,dom/* uniqueId */.NF)("tab"), text: name, "aria-controls": node.id, onclick: () => this.choose(index) });
      node.setAttribute("role", "tabpanel");
      node.setAttribute("aria-labelledby", tab.id);
      return tab;
    });
    const list = (0,dom.el)("div.nwa-tabs", { role: "tablist", "aria-label": label, onkeydown: (/** @type {KeyboardEvent} */ event) => this.onKey(event) }, ...this.buttons);
    this.node = (0,dom.el)("div.nwa-tabbed", {}, list, ...pages.map(({ node }) => node));
    this.draw();
  }

  /** @param {number} index */
  choose(index) {
    if (index === this.chosen) return;
    this.pages[this.chosen].onHide?.();
    this.chosen = index;
    this.draw();
    this.pages[index].onShow?.();
  }

  draw() {
    this.pages.forEach(({ node }, index) => (node.hidden = index !== this.chosen));
    this.buttons.forEach((button, index) => {
      button.setAttribute("aria-selected", String(index === this.chosen));
      button.tabIndex = index === this.chosen ? 0 : -1;
    });
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.choose((this.chosen + step + this.pages.length) % this.pages.length);
    this.buttons[this.chosen].focus();
  }
}

// EXTERNAL MODULE: ../../node_modules/css-loader/dist/cjs.js!./style/variables.css
var variables = __webpack_require__(29);
;// ./style/variables.css

      
      
      
      
      
      
      
      
      

var variables_options = {};

variables_options.styleTagTransform = (styleTagTransform_default());
variables_options.setAttributes = (setAttributesWithoutAttributes_default());

      variables_options.insert = insertBySelector_default().bind(null, "head");
    
variables_options.domAPI = (styleDomAPI_default());
variables_options.insertStyleElement = (insertStyleElement_default());

var variables_update = injectStylesIntoStyleTag_default()(variables/* default */.A, variables_options);




       /* harmony default export */ const style_variables = (variables/* default */.A && variables/* default */.A.locals ? variables/* default */.A.locals : undefined);

;// ./src/variables.js
// @ts-check
// The kernel's variables as a table: filtered, sorted, each a button that points at it.




/** @import { TranslationBundle } from "@jupyterlab/translation" */
/** @import { Transport } from "../../neuroworkflow_agent/surfaces/panel/js/transport.js" */

/** @typedef {{name: string, type: string, shape: string, dtype: string, size: number | null, about: string}} Row */

class Variables {
  /** @param {Transport} transport @param {TranslationBundle} trans @param {(name: string) => void} point */
  constructor(transport, trans, point) {
    this.transport = transport;
    this.trans = trans;
    this.point = point;
    /** @type {Row[]} */
    this.rows = [];
    this.isShown = false;
    /** By which column; empty as the kernel has them: the most recently used first. @type {"" | "name" | "type" | "shape" | "size"} */
    this.order = "";
    this.isReversed = false;
    this.filter = (0,dom.el)("input", { type: "search", dir: "auto", placeholder: trans.__("Filter"), "aria-label": trans.__("Filter variables"), oninput: () => this.draw() });
    this.heads = /** @type {const} */ (["name", "type", "shape", "size"]).map((column) => this.head(column));
    this.body = (0,dom.el)("tbody");
    this.none = (0,dom.el)("p", { role: "status" });
    this.node = (0,dom.el)(
      "section.nwa-variables",
      {},
      this.filter,
      this.none,
      (0,dom.el)("div.nwa-scroll", { tabIndex: 0, role: "region", "aria-label": trans.__("Variables") }, (0,dom.el)("table", {}, (0,dom.el)("thead", {}, (0,dom.el)("tr", {}, ...this.heads)), this.body)),
    );
    this.end = transport.receive((message) => message.type === "variables" && this.take(message.rows));
    this.draw();
  }

  /** @param {"name" | "type" | "shape" | "size"} column */
  head(column) {
    const { trans } = this;
    const text = { name: trans.__("Name"), type: trans.__("Type"), shape: trans.__("Shape"), size: trans.__("Memory") }[column];
    return (0,dom.el)("th", { scope: "col", "data-column": column }, (0,dom.el)("button", { type: "button", text, onclick: () => this.sort(column) }));
  }

  close() {
    this.end();
  }

  /** Have the kernel tell, now and after each run of code, while the table is seen. */
  show() {
    this.isShown = true;
    this.transport.send({ type: "variables", watch: true });
  }

  hide() {
    this.isShown = false;
    this.transport.send({ type: "variables", watch: false });
  }

  /** Another chat is at the other end. */
  renew() {
    if (this.isShown) this.show();
  }

  /** @param {Row[]} rows */
  take(rows) {
    this.rows = rows;
    this.isTold = true;
    this.draw();
  }

  /** Up, down, and as they came. @param {"name" | "type" | "shape" | "size"} column */
  sort(column) {
    if (this.order !== column) Object.assign(this, { order: column, isReversed: false });
    else if (!this.isReversed) this.isReversed = true;
    else Object.assign(this, { order: "", isReversed: false });
    this.draw();
  }

  draw() {
    const { trans } = this;
    const wanted = this.filter.value.trim().toLocaleLowerCase();
    const shown = this.sorted(this.rows.filter((row) => `${row.name} ${row.type} ${row.dtype}`.toLocaleLowerCase().includes(wanted)));
    for (const head of this.heads) {
      head.setAttribute("aria-sort", head.dataset.column === this.order ? (this.isReversed ? "descending" : "ascending") : "none");
    }
    const hasFocus = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.variable;
    this.body.replaceChildren(...shown.map((row) => this.row(row)));
    if (hasFocus !== undefined) this.body.querySelector(`[data-variable="${CSS.escape(hasFocus)}"]`)?.focus();
    this.none.hidden = shown.length > 0;
    if (!shown.length) this.none.textContent = !this.isTold ? trans.__("Asking the kernel …") : this.rows.length ? trans.__("No variable fits.") : trans.__("No variables yet.");
  }

  /** @param {Row[]} rows */
  sorted(rows) {
    const { order } = this;
    if (!order) return rows;
    const by = (/** @type {Row} */ one, /** @type {Row} */ other) =>
      order === "size" ? (one.size ?? -1) - (other.size ?? -1) : one[order].localeCompare(other[order], undefined, { numeric: true });
    const found = [...rows].sort(by);
    return this.isReversed ? found.reverse() : found;
  }

  /** @param {Row} row */
  row(row) {
    const name = (0,dom.el)("button", { type: "button", text: row.name, dir: "auto", "data-variable": row.name, title: this.trans.__("Point at %1 in the next message", row.name), onclick: () => this.point(row.name) });
    return (0,dom.el)(
      "tr",
      {},
      (0,dom.el)("th", { scope: "row" }, name),
      (0,dom.el)("td", {}, (0,dom.el)("div", { text: [row.type, row.dtype].filter(Boolean).join(" "), dir: "auto" }), row.about ? (0,dom.el)("small", { text: row.about, title: row.about, dir: "auto" }) : null),
      (0,dom.el)("td", { text: row.shape }),
      (0,dom.el)("td.nwa-size", { text: sizeText(row.size) }),
    );
  }
}

/** @param {number | null} size */
function sizeText(size) {
  if (size === null) return "";
  const power = size < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(size) / 3));
  return `${Number((size / 1000 ** power).toPrecision(3))} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

;// ./src/subshell.js
// @ts-check
// A subshell of the kernel's for a page's messages, so that none has to wait for the cell that runs.
//
// JupyterLab makes subshells for comms as well, from 4.4 on, but only once the kernel has answered on its main thread: a page that
// is loaded while a cell runs would wait for that cell.



/** @import { IKernelConnection } from "@jupyterlab/services/lib/kernel/kernel.js" */

const subshell_ANSWER_MS = 6000; // JupyterLab keeps messages back for 3 s, until the kernel has said what it is.

/** Make one; null where the kernel has none, or does not answer. @param {IKernelConnection} kernel @returns {Promise<string | null>} */
async function makeSubshell(kernel) {
  const asked = ask(kernel, "create_subshell_request", {});
  // What has none may not answer at all.
  const lacking = kernel.info.then((info) => (/** @type {any} */ (info).supported_features?.includes("kernel subshells") ? asked : null));
  const reply = await Promise.race([asked, lacking.catch(() => asked)]);
  return reply?.content?.status === "ok" ? reply.content.subshell_id : null;
}

/** End one, which may have ended with its kernel already. @param {IKernelConnection} kernel @param {string} id */
function endSubshell(kernel, id) {
  void ask(kernel, "delete_subshell_request", { subshell_id: id });
}

/** @param {IKernelConnection} kernel @param {string} type @param {any} content @returns {Promise<any>} The reply; null if there is none in time. */
function ask(kernel, type, content) {
  if (kernel.isDisposed || kernel.status === "dead") return Promise.resolve(null);
  const message = services_7_2_singleton_.KernelMessage.createMessage(/** @type {any} */ ({ msgType: type, channel: "control", username: kernel.username, session: kernel.clientId, content }));
  const future = kernel.sendControlMessage(/** @type {any} */ (message), true, true);
  const reply = new Promise((resolve) => {
    future.onReply = (answer) => resolve(answer);
    future.done.catch(() => resolve(null)); // the kernel ended
    setTimeout(() => resolve(null), subshell_ANSWER_MS);
  });
  return reply.finally(() => future.dispose());
}

;// ./src/beside.js
// @ts-check
// What is beside one notebook: its chat, or why there is none. It owns the comms of its page until the notebook is closed.






















/** @import { Cell } from "@jupyterlab/cells" */
/** @import { NotebookPanel } from "@jupyterlab/notebook" */
/** @import { IKernelConnection } from "@jupyterlab/services/lib/kernel/kernel.js" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */
/** @import { Preferences } from "./preferences.js" */
/** @import { Transport } from "../../neuroworkflow_agent/surfaces/panel/js/transport.js" */

const CHAT = "neuroworkflow_agent.side_bar";
const PAGE = "neuroworkflow_agent.notebook_page";
const MAX_CELLS = 300;
const SETTINGS_MS = 1000;
const GONE = ["restarting", "autorestarting", "terminating", "dead"];

class Beside {
  /** @param {NotebookPanel} panel @param {TranslationBundle} trans @param {() => Promise<Preferences>} readPreferences */
  constructor(panel, trans, readPreferences) {
    this.readPreferences = readPreferences;
    this.preferences = src_preferences/* UNSET */.A;
    this.panel = panel;
    this.trans = trans;
    this.saying = new Saying(trans);
    this.node = (0,dom.el)("div.nwa-beside", {}, this.saying.node);
    this.chat = new Comm(CHAT, () => this.closedByKernel());
    this.page = new Comm(PAGE, () => {});
    /** @type {Set<() => void>} */
    this.lifeListeners = new Set();
    /** The kernel whose chat is shown. @type {IKernelConnection | null} */
    this.kernel = null;
    /** Called once there is a chat. @type {(store: Store) => void} */
    this.onStore = () => {};
    this.attempt = 0;
    /** @type {(beside: this) => void} */
    this.tellReady = () => {};
    /** @type {Promise<this>} */
    this.isReady = new Promise((resolve) => (this.tellReady = resolve));
    /** Whether the kernel has ended, and a new one is waited for. */
    this.isLost = false;
    /** Whether the kernel has yet to take up the loading of our package. */
    this.isInLine = false;
    /** Messages that wait for those before them, and the last of them. */
    this.unsent = 0;
    this.line = Promise.resolve();
    /** @type {Store | null} */
    this.store = null;
    /** @type {PanelView | null} */
    this.view = null;
    /** @type {Variables | null} */
    this.variables = null;
    /** @type {Tabs | null} */
    this.tabs = null;
    /** @type {NotebookPage | null} */
    this.notebookPage = null;
    const { context, sessionContext } = panel;
    this.onKernel = () => void this.connect();
    this.onStatus = (/** @type {any} */ _session, /** @type {string} */ status) => this.follow(status);
    this.onConnection = (/** @type {any} */ _session, /** @type {string} */ status) => {
      if (status === "connected") this.store?.renew(); // what was sent meanwhile may be lost
    };
    sessionContext.kernelChanged.connect(this.onKernel);
    sessionContext.statusChanged.connect(this.onStatus);
    sessionContext.connectionStatusChanged.connect(this.onConnection);
    this.onSaved = () => this.chat.send({ type: "notebook", ...this.described() });
    context.fileChanged.connect(this.onSaved);
    context.pathChanged.connect(this.onSaved);
    void this.connect();
  }

  close() {
    this.attempt += 1;
    const { context, sessionContext } = this.panel;
    context.fileChanged.disconnect(this.onSaved);
    context.pathChanged.disconnect(this.onSaved);
    sessionContext.kernelChanged.disconnect(this.onKernel);
    sessionContext.statusChanged.disconnect(this.onStatus);
    sessionContext.connectionStatusChanged.disconnect(this.onConnection);
    this.notebookPage?.close();
    this.view?.close();
    this.variables?.close();
    this.store?.close();
    this.chat.leave();
    this.page.leave();
    this.node.remove();
  }

  /** Have what is typed come here; the chat takes it over once it is there. */
  focus() {
    if (this.view && !this.tabs?.node.hidden) this.view.composer.field.focus();
    else this.saying.focus();
  }

  // -- the kernel -------------------------------------------------------------------------------------

  /** @param {string} status */
  follow(status) {
    if (GONE.includes(status)) this.lose();
    else if (this.isInLine) this.sayWhatIsAwaited(status);
    else if (this.isLost && ["idle", "busy"].includes(status)) void this.connect();
  }

  /** While our package waits to be brought in. @param {string} status The kernel's */
  sayWhatIsAwaited(status) {
    if (this.view) return;
    if (this.isInLine && status === "busy") this.saying.waiting();
    else this.saying.loading();
  }

  /** The kernel has ended, or is about to. */
  lose() {
    this.attempt += 1;
    this.isInLine = false;
    this.isLost = true;
    this.kernel = null;
    this.chat.leave();
    this.page.leave();
    this.tellLife();
    if (!this.view) this.saying.noKernel(() => this.start());
  }

  /** A page that was loaded anew may have remembered a kernel that has been restarted meanwhile. */
  closedByKernel() {
    if (!this.kernel) return;
    forget(this.kernel);
    this.kernel = null;
    void this.connect();
  }

  async start() {
    const { sessionContext } = this.panel;
    if (await sessionContext.startKernel()) await sessionContext.restartKernel();
  }

  /** Find out what the kernel is, bring our package in, and open its chat. */
  async connect() {
    const mine = (this.attempt += 1);
    this.isInLine = false;
    this.isLost = false;
    const isMine = () => mine === this.attempt;
    const { sessionContext } = this.panel;
    // Not while one is there: that would wait for the cell that it runs.
    if (!sessionContext.session?.kernel) await sessionContext.ready;
    const session = sessionContext.session;
    const kernel = session?.kernel;
    if (!isMine()) return;
    if (!session || !kernel || GONE.includes(kernel.status)) {
      this.lose();
      return;
    }
    // What the page knows of it already, or else asked of the server.
    const spec = sessionContext.specsManager.specs?.kernelspecs[kernel.name] ?? (await kernel.spec);
    if (!isMine()) return;
    const language = spec?.language ?? "";
    if (language.toLowerCase() !== "python") {
      this.show(null);
      this.saying.otherLanguage(sessionContext.kernelDisplayName);
      return;
    }
    const before = subshellIn(kernel);
    if (before === null) {
      this.isInLine = true;
      this.sayWhatIsAwaited(kernel.status);
      const begins = () => {
        if (!isMine()) return;
        this.isInLine = false;
        this.sayWhatIsAwaited(kernel.status);
      };
      const loaded = await load(kernel, this.trans, begins).catch(() => null); // the kernel ended meanwhile
      if (!isMine() || !loaded) return;
      if (loaded.outcome !== "ready") {
        this.show(null);
        if (loaded.outcome === "missing") this.saying.missing(kernel, loaded.install, () => void this.connect());
        else this.saying.trouble(loaded.text, () => void this.connect());
        return;
      }
    }
    const reading = this.readPreferences().catch(() => src_preferences/* UNSET */.A); // the server may be slow, or not know them
    const [subshell, preferences] = await Promise.all([makeSubshell(kernel), reading]);
    if (!isMine()) return;
    if (before) endSubshell(kernel, before);
    remember(kernel, subshell);
    this.kernel = kernel;
    this.preferences = preferences;
    const about = { session: session.id, ...this.described(), preferences };
    this.chat.open(kernel, subshell, session.id, about);
    this.page.open(kernel, subshell, session.id, about);
    this.begin();
  }

  /** Follow settings that were changed since the chat was opened, here or elsewhere; where they cannot be read, it stays as it is. */
  async followPreferences() {
    const late = new Promise((resolve) => setTimeout(resolve, SETTINGS_MS, null));
    const preferences = await Promise.race([this.readPreferences().catch(() => null), late]);
    if (!preferences || JSON.stringify(preferences) === JSON.stringify(this.preferences)) return;
    this.preferences = preferences;
    this.view?.composer.lock(preferences.locked);
    this.chat.send({ type: "preferences", preferences });
  }

  /** What the notebook is found again by when its kernel has been restarted. */
  described() {
    const cells = usable(this.panel.context)?.model.sharedModel.cells ?? [];
    return { path: this.panel.context.path, cells: cells.slice(0, MAX_CELLS).map((/** @type {any} */ cell) => cell.getId()) };
  }

  /** Show the chat that the comm leads to now. */
  begin() {
    const context = () => usable(this.panel.context);
    this.notebookPage?.close();
    this.notebookPage = new NotebookPage({ send: (message) => this.page.send(message), receive: (listener) => this.page.receive(listener), context });
    if (this.store) {
      this.store.renew();
      this.variables?.renew();
    }
    else {
      const notebook = new PanelNotebook({ trans: this.trans, context, around: async () => ({ widget: this.panel.content, own: "" }), compare: (cell, source) => this.offer(cell, source), isAtEnd: () => this.preferences.insert === "end" });
      this.store = new Store(this.transport(), notebook);
      this.onStore(this.store);
      this.view = new PanelView(this.store);
      this.view.node.classList.add("nwa-full");
      this.variables = new Variables(this.transport(), this.trans, (name) => this.pointAt(name));
      const { variables, trans } = this;
      this.tabs = new Tabs(trans.__("Agent"), [
        { name: trans.__("Chat"), node: (0,dom.el)("div.nwa-page", {}, this.view.node), onShow: () => this.view?.toEnd() },
        { name: trans.__("Variables"), node: variables.node, onShow: () => variables.show(), onHide: () => variables.hide() },
      ]);
      this.node.append(this.tabs.node);
      void notebook.follow();
    }
    this.view?.composer.lock(this.preferences.locked);
    this.tellLife();
    this.show(this.view);
    this.tellReady(this);
  }

  // -- what is asked at a cell ------------------------------------------------------------------------

  /** Once there is a chat. */
  whenReady() {
    return this.isReady;
  }

  /** Put a text in front of the message that is being written. @param {string} text */
  write(text) {
    this.tabs?.choose(0);
    const composer = this.view?.composer;
    composer?.begin(`${composer.field.value}${composer.field.value && !composer.field.value.endsWith(" ") ? " " : ""}${text}`);
  }

  /** Send a message; what is being written stays. @param {string} text */
  async say(text) {
    this.tabs?.choose(0);
    const selection = text.includes("@selection") ? this.store?.notebook.selection() : null;
    try {
      await this.store?.ask({ type: "ask", text, chips: selection ? [{ kind: "selection", value: selection }] : [] });
    } catch (error) {
      this.view?.problem(/** @type {Error} */ (error).message);
    }
  }

  /** Have the agent write a cell anew, and offer that as a change. @param {Cell} cell @param {string} name @param {string} wish */
  async change(cell, name, wish) {
    const { trans } = this;
    const text = trans.__("%1: %2\n\nAnswer with the whole new text of this cell in one code block. Do not change the cell yourself.", name, wish);
    const code = this.store ? await codeOfAnswer(this.store, text) : null;
    if (code === null) throw new Error(trans.__("The answer has no code; see the chat."));
    if (!cell.isDisposed) this.offer(cell, code);
  }

  /** Take the agent's last code into the notebook, as the buttons beside it do. @param {"insert" | "replace" | "compare"} how @returns {boolean} Whether it could be. */
  take(how) {
    const code = this.store ? lastCode(this.store) : "";
    try {
      if (!code) throw new Error(this.trans.__("The agent has written no code in this session yet."));
      this.store?.notebook[how](code);
      return true;
    } catch (error) {
      this.view?.problem(/** @type {Error} */ (error).message);
      return false;
    }
  }

  /** @param {Cell} cell @param {string} source */
  offer(cell, source) {
    ;(0,in_cell/* offerChange */.x)(cell, source, this.trans, (text) => this.view?.problem(text));
  }

  /** Have the next message point at a variable. @param {string} name */
  pointAt(name) {
    this.tabs?.choose(0);
    this.view?.composer.addChip("variable", name);
    this.view?.composer.field.focus();
  }

  /** @param {PanelView | null} view */
  show(view) {
    const hadFocus = this.saying.node.contains(document.activeElement);
    if (this.tabs) this.tabs.node.hidden = view === null;
    this.saying.node.hidden = view !== null;
    view?.toEnd();
    if (view && hadFocus) view.composer.field.focus();
  }

  /** Send what the page says, in its order: what is asked waits for the settings, and the rest for what was asked. @param {any} message @param {ArrayBuffer[]} [buffers] */
  send(message, buffers) {
    const isAsked = message.type === "ask";
    if (!isAsked && !this.unsent) {
      this.chat.send(message, buffers);
      return;
    }
    this.unsent += 1;
    this.line = this.line.catch(() => {}).then(async () => {
      if (isAsked) await this.followPreferences();
      this.unsent -= 1;
      this.chat.send(message, buffers);
    });
  }

  /** @returns {Transport} */
  transport() {
    return {
      name: `side-bar-${this.panel.context.path}`,
      trans: this.trans,
      lost: "",
      send: (message, buffers) => this.send(message, buffers),
      receive: (listener) => this.chat.receive(listener),
      isAlive: () => this.chat.isOpen,
      onLife: (listener) => {
        this.lifeListeners.add(listener);
        return () => void this.lifeListeners.delete(listener);
      },
      interrupt: () => {
        void this.kernel?.interrupt();
        return this.kernel !== null;
      },
      connect: (anchor, link) => connectLink(this.panel.content.rendermime, anchor, link),
    };
  }

  tellLife() {
    for (const listener of this.lifeListeners) listener();
  }
}


/***/ },

/***/ 22
(__unused_webpack_module, __webpack_exports__, __webpack_require__) {


// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  askInCell: () => (/* binding */ askInCell),
  x: () => (/* binding */ offerChange)
});

// EXTERNAL MODULE: ../neuroworkflow_agent/surfaces/panel/js/dom.js
var dom = __webpack_require__(23);
;// ./src/diff.js
// @ts-check
// What changes from one text to another, line by line.

/** @typedef {{kind: "same" | "out" | "in", text: string}} Line */

const MAX_CELLS = 4_000_000;

/** @param {string} before @param {string} after @returns {Line[]} */
function diffLines(before, after) {
  const [one, other] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < one.length && start < other.length && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < one.length - start && end < other.length - start && one.at(-1 - end) === other.at(-1 - end)) end += 1;
  const same = (/** @type {string} */ text) => ({ kind: /** @type {const} */ ("same"), text });
  return [
    ...one.slice(0, start).map(same),
    ...middle(one.slice(start, one.length - end), other.slice(start, other.length - end)),
    ...one.slice(one.length - end).map(same),
  ];
}

/** By the longest common subsequence; texts that are too long for that are replaced as a whole. @param {string[]} one @param {string[]} other @returns {Line[]} */
function middle(one, other) {
  const width = other.length + 1;
  if ((one.length + 1) * width > MAX_CELLS) return [...one.map(out), ...other.map(into)];
  const common = new Uint32Array((one.length + 1) * width);
  for (let i = one.length - 1; i >= 0; i -= 1) {
    for (let j = other.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = one[i] === other[j] ? common[(i + 1) * width + j + 1] + 1 : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  /** @type {Line[]} */
  const lines = [];
  let [i, j] = [0, 0];
  while (i < one.length || j < other.length) {
    if (i < one.length && j < other.length && one[i] === other[j]) {
      lines.push({ kind: "same", text: one[i] });
      i += 1;
      j += 1;
    } else if (i < one.length && (j === other.length || common[(i + 1) * width + j] >= common[i * width + j + 1])) lines.push(out(one[i++]));
    else lines.push(into(other[j++]));
  }
  return lines;
}

/** @param {string} text @returns {Line} */
function out(text) {
  return { kind: "out", text };
}

/** @param {string} text @returns {Line} */
function into(text) {
  return { kind: "in", text };
}

;// ./src/in_cell.js
// @ts-check
// What stands in a cell of the notebook for a while, above its text: a field for a request, and a change to accept or refuse.




/** @import { Cell } from "@jupyterlab/cells" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */

const SIGNS = { same: "\u00a0", out: "-", in: "+" };

/** Put it above the text of a cell, in place of what stood there. @param {Cell} cell @param {HTMLElement} node */
function place(cell, node) {
  cell.node.querySelector(".nwa-in-cell")?.remove();
  cell.node.querySelector(".jp-Cell-inputWrapper")?.before(node);
}

/** @param {Cell} cell @param {HTMLElement} node */
function leave(cell, node) {
  if (!node.isConnected) return;
  node.remove();
  if (!cell.isDisposed) cell.editor?.focus();
}

/**
 * The keys in it are its own: in command mode they would be the notebook's.
 * @param {HTMLElement} node @param {(event: KeyboardEvent) => void} onKey
 */
function keepKeys(node, onKey) {
  node.setAttribute("data-lm-suppress-shortcuts", "true");
  node.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (!event.isComposing) onKey(event);
  });
  for (const kind of ["mousedown", "click", "focusin", "focusout"]) node.addEventListener(kind, (event) => event.stopPropagation());
}

/** The command palette gives the focus back to the notebook when it has closed, behind what was chosen in it. @param {HTMLElement} node */
function takeFocus(node) {
  node.focus();
  requestAnimationFrame(() => node.focus());
}

/** Ask what is wanted of a cell. @param {Cell} cell @param {TranslationBundle} trans @param {(text: string) => Promise<void>} request */
function askInCell(cell, trans, request) {
  const field = (0,dom.el)("input", { type: "text", dir: "auto", placeholder: trans.__("What should change in this cell?"), "aria-label": trans.__("Request about this cell") });
  const status = (0,dom.el)("span", { role: "status" });
  const node = (0,dom.el)("form.nwa-in-cell", { "aria-label": trans.__("Request about this cell") }, field, (0,dom.el)("button.nwa-take", { type: "submit", text: trans.__("Send") }), (0,dom/* button */.x6)(trans.__("Cancel"), () => leave(cell, node)), status);
  node.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!field.value.trim() || field.disabled) return;
    field.disabled = true;
    status.textContent = trans.__("The agent is at work …");
    try {
      await request(field.value.trim());
      if (node.isConnected) node.remove();
    } catch (error) {
      field.disabled = false;
      status.textContent = /** @type {Error} */ (error).message;
      field.focus();
    }
  });
  keepKeys(node, (event) => {
    if (event.key === "Escape") leave(cell, node);
  });
  place(cell, node);
  takeFocus(field);
}

/**
 * Show a new text of a cell as a change, to accept or refuse.
 * @param {Cell} cell @param {string} source @param {TranslationBundle} trans @param {(text: string) => void} problem
 */
function offerChange(cell, source, trans, problem) {
  const shared = cell.model.sharedModel;
  const before = shared.getSource();
  const lines = diffLines(before, source);
  const what = { same: "", out: trans.__("removed: "), in: trans.__("added: ") };
  const drawn = lines.map(({ kind, text }) =>
    (0,dom.el)(`div.nwa-${kind}`, {}, (0,dom.el)("span.nwa-sign", { text: SIGNS[kind], "aria-hidden": "true" }), what[kind] ? (0,dom.el)("span.nwa-unseen", { text: what[kind] }) : null, (0,dom.el)("span", { text: text || "\u00a0" })),
  );
  const accept = (0,dom/* button */.x6)(trans.__("Accept"), () => {
    if (shared.getSource() !== before) {
      problem(trans.__("The cell has changed meanwhile; nothing was written. Compare again."));
      leave(cell, node);
      return;
    }
    if (cell.model.getMetadata("editable") === false) {
      problem(trans.__("The cell is locked; nothing was written."));
      return;
    }
    const { undoManager } = /** @type {any} */ (shared);
    undoManager?.stopCapturing();
    /** @type {any} */ (shared).updateSource(0, before.length, source);
    undoManager?.stopCapturing();
    leave(cell, node);
  }, { css: "nwa-take", title: trans.__("Write it into the cell (Enter); Ctrl+Z in the cell takes it back") });
  const refuse = (0,dom/* button */.x6)(trans.__("Refuse"), () => leave(cell, node), { title: trans.__("Leave the cell as it is (Escape)") });
  const node = (0,dom.el)(
    "section.nwa-in-cell.nwa-change",
    { "aria-label": trans.__("Change of this cell") },
    before === source ? (0,dom.el)("p", { text: trans.__("The text is the same.") }) : (0,dom.el)("pre", { tabIndex: 0 }, ...drawn),
    (0,dom.el)("div", {}, accept, refuse),
  );
  keepKeys(node, (event) => {
    if (event.key === "Escape") leave(cell, node);
  });
  place(cell, node);
  takeFocus(accept);
}


/***/ }

}]);