import { JupyterFrontEnd } from '@jupyterlab/application';
import { Notebook, INotebookTracker } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { Menu } from '@lumino/widgets';

import { cellRole, chosenCells, setRole } from '../model/cellTags';
import { roles } from '../model/roles';
import { CommandIDs } from '../tokens';
import { roleIcon } from '../widgets/icons';

/** Choosing the role of the selected cells: a menu, and one command for each role. */
export function addRoleCommands(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  trans: TranslationBundle
): void {
  const { commands } = app;
  const meanings = new Map(roles(trans).map(role => [role.name, role.meaning]));
  const current = (): Notebook | null => tracker.currentWidget?.content ?? null;
  const isEnabled = (): boolean => !!current()?.activeCell && !current()?.model?.readOnly;

  commands.addCommand(CommandIDs.setRole, {
    label: args => {
      const role = String(args.role ?? '');
      const meaning = meanings.get(role);
      if (!meaning) {
        return trans.__('No role: stays in the notebook');
      }
      return args.isPalette ? trans.__('Cell role: %1', role) : `${role} – ${meaning}`;
    },
    caption: args => meanings.get(String(args.role ?? '')) ?? '',
    isEnabled,
    isToggleable: true,
    isToggled: args => {
      const active = current()?.activeCell;
      return !!active && cellRole(active.model) === String(args.role ?? '');
    },
    describedBy: {
      args: {
        type: 'object',
        properties: {
          role: { type: 'string', description: trans.__('the role; empty removes it') }
        }
      }
    },
    execute: args => {
      const notebook = current();
      if (notebook) {
        const cells = chosenCells(notebook).map(cell => cell.model);
        setRole(notebook, cells, String(args.role ?? ''));
      }
    }
  });

  const menu = new Menu({ commands });
  menu.title.label = trans.__('Role of this cell');
  for (const role of meanings.keys()) {
    menu.addItem({ command: CommandIDs.setRole, args: { role } });
  }
  // No separator before it: a screen reader is told a wrong role of Lab's.
  menu.addItem({ command: CommandIDs.setRole, args: { role: '' } });

  // The keyboard goes back to where it was: to the notebook.
  menu.aboutToClose.connect(() => current()?.activate());

  commands.addCommand(CommandIDs.pickRole, {
    label: trans.__('Choose the role of the selected cells…'),
    caption: trans.__('Role in nbprod of the selected cells'),
    icon: roleIcon,
    isEnabled,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => openAt(menu, current())
  });
}

/** Where the menu opens: below the button that was pressed, the badge, or the line without one. */
function anchorOf(cell: HTMLElement): DOMRect {
  const button = '[data-jp-item-name="nbprod-role"]';
  const places = [`${button}:hover`, '.jp-nbprod-badge', button, '.jp-CellHeader'];
  const boxes = places.map(place => cell.querySelector(place)?.getBoundingClientRect());
  // What Lab has not laid out yet lies nowhere.
  return boxes.find(box => box && box.width > 0) ?? cell.getBoundingClientRect();
}

function openAt(menu: Menu, notebook: Notebook | null): void {
  const cell = notebook?.activeCell;
  if (!cell) {
    return;
  }
  const { left, bottom } = anchorOf(cell.node);
  menu.open(left, bottom);
  menu.activeIndex = Math.max(
    0,
    menu.items.findIndex(item => item.isToggled)
  );
}
