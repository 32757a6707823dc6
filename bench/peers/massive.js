// MassiveJS, driven over a pipe. Arguments: host, user and database of a Postgres. Each line on standard input is how
// often to load; a line on standard output says that it is done. An error ends the process.
'use strict';

const massive = require('massive');
const readline = require('readline');

async function main([host, user, database]) {
  // All defaults, but for the directory of SQL files, which does not exist.
  const db = await massive({ host, user, database }, { scripts: __dirname + '/no-scripts' });
  for await (const times of readline.createInterface({ input: process.stdin })) {
    for (let i = 0; i < Number(times); i++) {
      await db.reload();
    }
    process.stdout.write('done\n');
  }
  await db.instance.$pool.end();
}

main(process.argv.slice(2)).catch(error => {
  console.error(error);
  process.exit(1);
});
