import { LabIcon } from '@jupyterlab/ui-components';

import logo from '../../style/icons/nbprod.svg';
import role from '../../style/icons/role.svg';

export const nbprodIcon = new LabIcon({ name: 'nbprod:logo', svgstr: logo });
export const roleIcon = new LabIcon({ name: 'nbprod:role', svgstr: role });
