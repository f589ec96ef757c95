import { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';

import { NAME } from '../tokens';
import { nbprodIcon } from '../widgets/icons';

/** A view of the main area of which there is one. */
export interface IView {
  command: string;
  id: string;
  label: string;
  caption: string;
  make: () => Widget;
}

/** The ids of the views that were opened. */
const OURS = new Set<string>();

/** The command that opens a view beside the notebook; it comes back when the page is loaded anew. */
export function addView(
  app: JupyterFrontEnd,
  palette: ICommandPalette | null,
  restorer: ILayoutRestorer | null,
  view: IView
): void {
  const { commands, shell } = app;
  const tracker = new WidgetTracker<MainAreaWidget>({ namespace: view.id });
  commands.addCommand(view.command, {
    label: view.label,
    caption: view.caption,
    icon: nbprodIcon,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      let widget = tracker.currentWidget;
      if (!widget || widget.isDisposed) {
        widget = inMainArea(view.make(), view.id, view.label);
        // Beside the notebook; where one of ours stands there already, as a tab of it.
        const other = Array.from(shell.widgets('main')).find(item => OURS.has(item.id));
        OURS.add(view.id);
        shell.add(widget, 'main', {
          type: NAME,
          ...(other ? { mode: 'tab-after', ref: other.id } : { mode: 'split-right' })
        });
        await tracker.add(widget);
      }
      shell.activateById(widget.id);
    }
  });
  palette?.addItem({ command: view.command, category: NAME });
  void restorer?.restore(tracker, { command: view.command, name: () => view.id });
}

/** A tab of the main area; it says its name to a screen reader, where all of Lab's say the same. */
export function inMainArea<T extends Widget>(
  content: T,
  id: string,
  label: string
): MainAreaWidget<T> {
  const widget = new MainAreaWidget({ content });
  content.node.setAttribute('role', 'region');
  content.node.setAttribute('aria-label', label);
  widget.id = id;
  widget.title.label = label;
  widget.title.icon = nbprodIcon;
  return widget;
}
