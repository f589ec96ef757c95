import { Dialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

/** A decision's reason, and the name under which it is kept ("" for the server's own). */
export interface IDecision {
  reason: string;
  by: string;
}

/** The two fields of a dialog in which somebody says yes or no to a candidate. */
export class DecisionForm extends Widget implements Dialog.IBodyWidget<IDecision> {
  constructor(trans: TranslationBundle) {
    super();
    this.addClass('jp-nbprod-decision');
    this.reason = this.add(
      trans.__('The reason; it is kept with your name, bound to this candidate'),
      ''
    );
    this.reason.required = true;
    this.by = this.add(
      trans.__('Your name as in [gate] approvers (empty: as git or Jupyter know you)'),
      'name@example.com'
    );
  }

  getValue(): IDecision {
    return { reason: this.reason.value.trim(), by: this.by.value.trim() };
  }

  private add(text: string, placeholder: string): HTMLInputElement {
    const label = document.createElement('label');
    label.textContent = text;
    const input = document.createElement('input');
    input.type = 'text';
    input.className = 'jp-mod-styled';
    input.placeholder = placeholder;
    label.appendChild(input);
    this.node.appendChild(label);
    return input;
  }

  private reason: HTMLInputElement;
  private by: HTMLInputElement;
}
