import { Dialog } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';

/** One choice of several in a dialog; Lab's own list of items has no label for a screen reader. */
export class ChoiceForm extends Widget implements Dialog.IBodyWidget<string> {
  constructor(text: string, items: readonly string[]) {
    super();
    this.addClass('jp-nbprod-decision');
    const label = document.createElement('label');
    label.textContent = text;
    this.select = document.createElement('select');
    this.select.className = 'jp-mod-styled';
    for (const item of items) {
      this.select.add(new Option(item, item));
    }
    label.appendChild(this.select);
    this.node.appendChild(label);
  }

  getValue(): string {
    return this.select.value;
  }

  private select: HTMLSelectElement;
}
