import type { components } from './gen/api';

/** A type of the REST API by its name in /api/openapi.json. */
export type Schema<Name extends keyof components['schemas']> = components['schemas'][Name];
