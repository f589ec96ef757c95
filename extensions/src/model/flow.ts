import type { Inspection } from '../api/client';

/** One cell of the graph. */
export interface IFlowNode {
  cellId: string;
  role: string;
  label: string;
}

/** What one cell reads of another. */
export interface IFlowEdge {
  from: number; // place of the node that defines
  to: number; // place of the node that reads
  names: string[];
}

/** The data flow between cells: the cells that take part, in the notebook's order, and the arrows. */
export function flowOf(inspection: Inspection): { nodes: IFlowNode[]; edges: IFlowEdge[] } {
  const cells = inspection.cells.filter(
    cell => cell.kind === 'code' && (cell.role || cell.defines.length || cell.uses.length)
  );
  const place = new Map(cells.map((cell, index) => [cell.cell_id, index]));
  const edges: IFlowEdge[] = [];
  for (const [consumer, reads] of Object.entries(inspection.flow)) {
    const names = new Map<string, string[]>();
    for (const [name, definer] of Object.entries(reads)) {
      names.set(definer, [...(names.get(definer) ?? []), name]);
    }
    for (const [definer, read] of names) {
      const from = place.get(definer);
      const to = place.get(consumer);
      if (from !== undefined && to !== undefined && from !== to) {
        edges.push({ from, to, names: read.sort() });
      }
    }
  }
  const nodes = cells.map(cell => ({
    cellId: cell.cell_id,
    role: cell.role,
    label: cell.first_line
  }));
  return { nodes, edges: edges.sort((a, b) => a.from - b.from || a.to - b.to) };
}
