import { z } from 'zod';
import { list } from '../http/expand.js';
import type { FormValue } from '../http/form.js';
import { pageParams, parse } from '../http/params.js';
import type { Kind } from '../objects.js';
import type { Where } from '../store.js';
import type { Account } from './account.js';

type PathParams = Record<string, string>;

/** One route of Stripe's API. `prepare` checks the parameters; what it returns does the work. */
export interface Route {
  method: 'get' | 'post' | 'delete';
  path: string;
  prepare(raw: { [key: string]: FormValue }): {
    expand: string[];
    run(account: Account, path: PathParams): object;
  };
}

export function route<S extends z.ZodType<{ expand?: string[] | undefined }>>(
  method: Route['method'],
  path: string,
  schema: S,
  handle: (account: Account, params: z.output<S>, id: string, path: PathParams) => object,
): Route {
  return {
    method,
    path,
    prepare(raw) {
      const params = parse(schema, raw);
      return {
        expand: params.expand ?? [],
        run: (account, path) => handle(account, params, path.id ?? '', path),
      };
    },
  };
}

/** A list of one kind, filtered by what `where` makes of the parameters. */
export function listRoute<S extends z.ZodRawShape>(
  path: string,
  kind: Kind,
  filters: S,
  where: (filters: z.output<z.ZodObject<S>>, path: PathParams) => Where,
): Route {
  return {
    method: 'get',
    path,
    prepare(raw) {
      const own = Object.keys(pageParams.shape);
      const [ofPage, ofFilters] = [true, false].map((wanted) =>
        Object.fromEntries(Object.entries(raw).filter(([key]) => own.includes(key) === wanted)),
      );
      const page = parse(pageParams, ofPage ?? {});
      const wanted = parse(z.strictObject(filters), ofFilters ?? {});
      return {
        expand: page.expand ?? [],
        run(account, pathParams) {
          for (const cursor of ['starting_after', 'ending_before'] as const) {
            const id = page[cursor];
            if (id !== undefined) account.get(kind, id, cursor);
          }
          const { data, hasMore } = account.store.page(kind, where(wanted, pathParams), {
            limit: page.limit,
            startingAfter: page.starting_after,
            endingBefore: page.ending_before,
          });
          const url = path.replace(/:(\w+)/g, (_, name: string) => pathParams[name] ?? '');
          return list(data, url, hasMore);
        },
      };
    },
  };
}
