// nodemailer as a client: nodemailer_client.js PORT TLS_PORT CERT DIR
//
// Sends the messages in the files of DIR in every way it knows, "clear",
// "starttls" and "tls" before their names saying which.
'use strict';

const fs = require('fs');
const path = require('path');
const assert = require('assert');
const nodemailer = require('nodemailer');

const [port, tlsPort, cert, folder] = process.argv.slice(2);
const ca = fs.readFileSync(cert);
const from = 'alice@example.org', to = 'bob@example.net';

async function send(options, way) {
    const transport = nodemailer.createTransport(Object.assign({ host: 'localhost', tls: { ca }, name: 'client.example.org' }, options));
    for (const name of fs.readdirSync(folder).sort()) {
        if (way.startsWith('starttls') && name === 'large') {
            continue;
        }
        // Through latin1, so that no octet is changed.
        const raw = Buffer.from(fs.readFileSync(path.join(folder, name), 'latin1').replace('Subject: ', 'Subject: ' + way + ' '), 'latin1');
        const info = await transport.sendMail({ envelope: { from, to: [to] }, raw });
        assert.deepStrictEqual(info.accepted, [to]);
    }
    return transport;
}

(async () => {
    const clear = await send({ port, ignoreTLS: true, pool: true, maxConnections: 1 }, 'clear');
    const info = await clear.sendMail({ envelope: { from, to: [to, 'nobody@example.net'] }, raw: 'Subject: partial\r\n\r\nx\r\n' });
    assert.deepStrictEqual(info.rejected, ['nobody@example.net']);
    await assert.rejects(clear.sendMail({ envelope: { from, to: ['nobody@example.net'] }, raw: 'Subject: none\r\n\r\nx\r\n' }), { responseCode: 550 });
    await clear.sendMail({
        envelope: { from, to: [to] }, raw: 'Subject: dsn\r\n\r\nx\r\n',
        dsn: { id: 'QQ314159', return: 'headers', notify: ['failure', 'delay'], recipient: 'robert@example.com' }
    });
    clear.close();
    for (const method of ['PLAIN', 'LOGIN', 'CRAM-MD5']) {
        await send({ port, requireTLS: true, authMethod: method, auth: { user: 'alice', pass: 'secret' } }, 'starttls ' + method);
        const transport = nodemailer.createTransport({ host: 'localhost', port, requireTLS: true, tls: { ca }, authMethod: method, auth: { user: 'alice', pass: 'wrong' } });
        await assert.rejects(transport.verify(), { responseCode: 535 });
    }
    await send({ port: tlsPort, secure: true, auth: { user: 'alice', pass: 'secret' } }, 'tls');
})().catch(e => { console.error(e); process.exit(1); });
