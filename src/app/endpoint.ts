import type { ZodObject, ZodType, z } from 'zod';
import type { ApiKey, Scope } from '../db/apiKeys.js';

type Answers = Readonly<Record<number, ZodType>>;

/** One of the answers that an endpoint declares. */
type Answer<A extends Answers> = {
  [S in keyof A & number]: { status: S; body: z.input<A[S]>; headers?: Headers };
}[keyof A & number];

type Headers = Readonly<Record<string, string>>;

/** An answer whose status keeps its literal type. */
export const answer = <S extends number, B>(status: S, body: B) => ({ status, body });

interface Definition<
  P extends ZodObject,
  Q extends ZodObject,
  B extends ZodType | undefined,
  A extends Answers,
> {
  method: 'get' | 'put' | 'post';
  /** As in OpenAPI: `/api/v1/teams/{teamId}`. */
  path: string;
  summary: string;
  scope: Scope;
  params: P;
  query: Q;
  body: B;
  /** The largest body that is taken, by default 1. */
  bodyMegabytes?: number;
  answers: A;
  /** Of the answers, `application/json` by default; bytes are sent as they are. */
  mediaType?: string;
  /** Statuses of the problems that it may answer beside those of every endpoint. */
  problems: readonly number[];
  handle(request: {
    params: z.output<P>;
    query: z.output<Q>;
    body: B extends ZodType ? z.output<B> : undefined;
    key: ApiKey;
  }): Promise<Answer<A>>;
}

/** A route with its schemas: what serves it and what documents it are the same object. */
export type Endpoint = Omit<
  Definition<ZodObject, ZodObject, ZodType | undefined, Answers>,
  'handle'
> & {
  handle(request: {
    params: unknown;
    query: unknown;
    body: unknown;
    key: ApiKey;
  }): Promise<{ status: number; body: unknown; headers?: Headers }>;
};

/** Defines a route; the types of what it is handed and what it answers follow from its schemas. */
export function endpoint<
  P extends ZodObject,
  Q extends ZodObject,
  B extends ZodType | undefined,
  A extends Answers,
>(definition: Definition<P, Q, B, A>): Endpoint {
  return definition as unknown as Endpoint;
}
