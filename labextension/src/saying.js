// @ts-check
// What the side bar says while there is no chat to show, and what can be done about it.

import { button, el } from "../../neuroworkflow_agent/surfaces/panel/js/dom.js";
import { install, typed } from "./loading.js";

/** @import { IKernelConnection } from "@jupyterlab/services/lib/kernel/kernel.js" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */

export class Saying {
  /** @param {TranslationBundle} trans */
  constructor(trans) {
    this.trans = trans;
    this.node = el("div.nwa-says", { role: "status", tabIndex: -1 });
  }

  /** @param {...(Node | string)} what */
  say(...what) {
    const hadFocus = this.node.contains(document.activeElement);
    this.node.hidden = false;
    this.node.replaceChildren(...what.map((each) => (typeof each === "string" ? el("p", { text: each, dir: "auto" }) : each)));
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
    this.say(trans.__("This notebook has no kernel, in which the agent works."), button(trans.__("Start a kernel"), start));
  }

  /** @param {string} text @param {() => void} again */
  trouble(text, again) {
    const { trans } = this;
    this.say(trans.__("The agent could not be brought into the kernel."), el("pre", { text, tabIndex: 0 }), button(trans.__("Try again"), again));
  }

  /** @param {IKernelConnection} kernel @param {string[][]} commands @param {() => void} again */
  missing(kernel, commands, again) {
    const { trans } = this;
    const line = commands.map(typed).join(" && ");
    const ask = () => {
      this.say(
        trans.__("Run this where the kernel runs? It downloads the package and what it needs, and changes the kernel’s environment."),
        el("pre", { text: line, tabIndex: 0 }),
        el("p", {}, button(trans.__("Run it"), run), " ", button(trans.__("Cancel"), () => this.missing(kernel, commands, again))),
      );
      this.focus();
    };
    const run = async () => {
      this.say(trans.__("Installing; the kernel is busy meanwhile …"));
      const trouble = await install(kernel, trans, commands).catch(() => trans.__("The kernel ended meanwhile."));
      if (!trouble) again();
      else this.say(trans.__("That did not work:"), el("pre", { text: trouble, tabIndex: 0 }), button(trans.__("Try again"), again));
    };
    this.say(
      trans.__("The agent is not installed in this kernel’s environment. This line installs it there:"),
      el("pre", { text: line, tabIndex: 0 }),
      el("p", {}, button(trans.__("Install …"), ask), " ", button(trans.__("Look again"), again)),
    );
  }
}
