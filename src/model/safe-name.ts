import { z } from 'zod';

/**
 * Names that become parts of paths on a node. They come with requests and from documents of the bucket, which others may write: none of them leads
 * out of its folder, hides, or looks like an option of a program.
 */

/** A point, run, node or plan: letters, digits, dashes, dots, and it does not begin with a dot or a dash. */
export const safeName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'a name is letters, digits, dots and dashes, and begins with neither');
/** Of such a name. */
export const longestName = 100;

/** A keyspace, as its folder is called: Cassandra takes only these characters, in capital letters too. */
export const keyspaceFolder = z
  .string()
  .regex(/^\w{1,222}$/, 'the name of a keyspace is letters, digits and underscores');

/** A table's folder: its name, a dash, and its id without dashes; Cassandra still reads those of old that are named without an id. */
export const tableFolder = z
  .string()
  .regex(/^\w{1,222}(?:-[0-9A-Za-z]{1,32})?$/, 'the folder of a table is its name, a dash and its id');

/**
 * A file below a table's folder: `nb-3g7k_0abc-big-Data.db`, `nb-1-big-SAI+aa+owner+Meta.db`; those of a secondary index lie in a folder
 * `.<index>`.
 */
export const tableFile = z
  .string()
  .regex(
    /^(?:\.\w{1,222}\/)?[A-Za-z0-9_][A-Za-z0-9._+-]{0,254}$/,
    'a file of a table is named with letters, digits, dots, dashes and plus signs, at most in the folder of an index',
  );

/** A datacenter or rack as Cassandra's settings files have it. */
export const placeName = z
  .string()
  .regex(/^\w[\w.: -]{0,99}$/, 'a datacenter or rack is letters, digits, dots, dashes and spaces, on one line');

/** A token of the Murmur3 ring, decimal. */
export const ringToken = z.string().regex(/^-?\d{1,19}$/, 'a token is a whole number');
