import type { ProjectView } from '../../api/client';
import { consequence, waysToDeploy } from '../../model/verbs';
import { trans } from '../trans';

const view = (traffic: Record<string, number>): ProjectView =>
  ({
    name: 'flight-delay',
    traffic,
    stages: [{ name: 'release', record: { id: '4' } }]
  }) as unknown as ProjectView;

describe('what is said before live traffic is touched', () => {
  it('names the releases between which a rollback moves it', () => {
    const text = consequence('rollback', view({ champion: 3, previous: 2 }), trans);
    expect(text).toContain('flight-delay');
    expect(text).toContain('from release 3 (champion) to release 2 (previous)');
  });

  it('offers one way to deploy where nothing is served', () => {
    const ways = waysToDeploy(view({}), trans);
    expect(ways.map(way => way.trial)).toEqual([null]);
    expect(ways[0].consequence).toContain('Release 4 of flight-delay');
  });

  it('offers trials alone where a champion answers', () => {
    const ways = waysToDeploy(view({ champion: 3 }), trans);
    expect(ways.map(way => way.trial)).toEqual(['canary', 'shadow', 'ab']);
    expect(ways.every(way => way.consequence.includes('3'))).toBe(true);
  });
});
