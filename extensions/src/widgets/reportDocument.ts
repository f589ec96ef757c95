import { Widget } from '@lumino/widgets';

/**
 * An HTML report in a frame that can do nothing: no script, no form, no access to Lab's page.
 *
 * A report shows what users' data and code say; it is never trusted.
 */
export class ReportDocument extends Widget {
  constructor(title: string) {
    super();
    this.addClass('jp-nbprod-report');
    this.frame = document.createElement('iframe');
    this.frame.setAttribute('sandbox', '');
    this.frame.setAttribute('referrerpolicy', 'no-referrer');
    this.frame.title = title;
    this.node.appendChild(this.frame);
  }

  setContent(html: string): void {
    this.frame.srcdoc = html;
  }

  /** A plain text instead of the report. */
  tell(message: string): void {
    const paragraph = document.createElement('p');
    paragraph.setAttribute('role', 'alert');
    paragraph.textContent = message;
    this.node.replaceChildren(paragraph);
  }

  private frame: HTMLIFrameElement;
}
