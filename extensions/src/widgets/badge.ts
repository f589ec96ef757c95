/** What the line above a cell says of it. */
export interface IBadge {
  role: string;
  step: string;
  /** What the role means, for the tooltip and for screen readers. */
  description: string;
}

/** What the line says of the cell's findings. */
export interface ICount {
  text: string;
  severity: string;
  description: string;
}

const BADGE = 'jp-nbprod-badge';
const COUNT = 'jp-nbprod-count';

/**
 * Draw a cell's badge into its header, or take it away.
 *
 * Plain DOM, and text only: it must be there in the same frame, for any number of cells, whatever
 * a tag's text holds.
 */
export function drawBadge(header: HTMLElement, badge: IBadge | null, onPick: () => void): void {
  const button = badge
    ? labelled(header, BADGE, badge.role, badge.description, onPick)
    : remove(header, BADGE);
  if (button && badge) {
    button.dataset.step = badge.step;
  }
}

/** Draw how many findings a cell has beside its badge, or take that away. */
export function drawCount(header: HTMLElement, count: ICount | null, onOpen: () => void): void {
  const button = count
    ? labelled(header, COUNT, count.text, count.description, onOpen)
    : remove(header, COUNT);
  if (button && count) {
    button.dataset.severity = count.severity;
  }
}

function labelled(
  header: HTMLElement,
  name: string,
  text: string,
  description: string,
  onClick: () => void
): HTMLButtonElement {
  let button = header.querySelector<HTMLButtonElement>(`:scope > .${name}`);
  if (!button) {
    button = document.createElement('button');
    button.type = 'button';
    button.className = name;
    button.addEventListener('click', onClick);
    if (name === BADGE) {
      header.prepend(button);
    } else {
      header.append(button);
    }
  }
  if (button.textContent !== text) {
    button.textContent = text;
  }
  button.title = description;
  button.setAttribute('aria-label', description);
  header.classList.add('jp-nbprod-header');
  return button;
}

function remove(header: HTMLElement, name: string): null {
  header.querySelector(`:scope > .${name}`)?.remove();
  header.classList.toggle('jp-nbprod-header', header.childElementCount > 0);
  return null;
}
