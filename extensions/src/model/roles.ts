import { TranslationBundle } from '@jupyterlab/translation';

/** A role that a cell may play on the road. */
export interface IRole {
  name: string;
  meaning: string;
  /** The step it belongs to: roles of one step share a colour (never the only sign of it). */
  step: 'input' | 'shared' | 'features' | 'model' | 'aside';
}

const PREFIX = 'nbprod:';

/** papermill's own tag, which keeps its meaning. */
const PARAMETERS = 'parameters';

/** Every role, in the road's order. `nbprod/notebook/tags.py` is the same list; a test compares. */
export function roles(trans: TranslationBundle): IRole[] {
  return [
    {
      name: 'parameters',
      step: 'input',
      meaning: trans.__("hyperparameters and URIs (papermill's tag): typed defaults")
    },
    {
      name: 'lib',
      step: 'shared',
      meaning: trans.__('constants, functions and classes that everything may use')
    },
    {
      name: 'schema',
      step: 'shared',
      meaning: trans.__('pandera models of input, features and output')
    },
    { name: 'data', step: 'input', meaning: trans.__('load and prepare the frame') },
    { name: 'split', step: 'input', meaning: trans.__('which rows train and which are held out') },
    {
      name: 'fit',
      step: 'features',
      meaning: trans.__('learn from training data what a transform needs')
    },
    {
      name: 'features',
      step: 'features',
      meaning: trans.__(
        'raw rows to features: the one transform that training and serving share'
      )
    },
    {
      name: 'features-online',
      step: 'features',
      meaning: trans.__("the serving path's own transform, where it really needs one")
    },
    { name: 'train', step: 'model', meaning: trans.__('features and label to a fitted model') },
    { name: 'predict', step: 'model', meaning: trans.__('model and features to predictions') },
    { name: 'test', step: 'aside', meaning: trans.__('unit and behavioural tests') },
    { name: 'skip', step: 'aside', meaning: trans.__('stays in the notebook') }
  ];
}

/** The first role that the tags name, as written; "" for a cell without one. */
export function roleOf(tags: readonly string[]): string {
  const tag = tags.find(isRole);
  return tag === undefined ? '' : tag === PARAMETERS ? tag : tag.slice(PREFIX.length).trim();
}

/** The tags with exactly this role; "" removes the role; other tags are kept, in their order. */
export function withRole(tags: readonly string[], role: string): string[] {
  const kept = tags.filter(tag => !isRole(tag));
  if (role === '') {
    return kept;
  }
  return [...kept, role === PARAMETERS ? PARAMETERS : PREFIX + role];
}

function isRole(tag: string): boolean {
  return tag === PARAMETERS || tag.startsWith(PREFIX);
}
