// MassiveJS, driven over a pipe. Arguments: host, user and database of a Postgres. Each line on standard input is an
// operation and how many times to do it, "next 50"; for each, a line says how many nanoseconds they took, by this
// process's own clock. What fails ends the process.
'use strict';

const massive = require('massive');
const readline = require('readline');

async function main([host, user, database]) {
  // Everything as it comes, but for the directory of SQL files, of which there is none.
  const db = await massive({ host, user, database }, { scripts: __dirname + '/no-scripts' });
  const operations = {
    load: () => db.reload(),
    next: () => db.order_no.nextValue(),
    reset: () => db.order_no.reset(),
  };
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [name, times] = line.split(' ');
    const began = process.hrtime.bigint();
    for (let i = 0; i < Number(times); i++) {
      await operations[name]();
    }
    process.stdout.write(`${process.hrtime.bigint() - began}\n`);
  }
  await db.instance.$pool.end();
}

main(process.argv.slice(2)).catch(error => {
  console.error(error);
  process.exit(1);
});
