// smtp-server as a server: smtp_server.js CERT KEY DIR PORT
//
// It knows alice, whose password is "secret" and whose token is "token", and
// nobody at all as no recipient. Messages go to files in DIR/new.
'use strict';

const fs = require('fs');
const path = require('path');
const { SMTPServer } = require('smtp-server');

const [cert, key, folder, port] = process.argv.slice(2);
fs.mkdirSync(path.join(folder, 'new'));
let count = 0;

function refusal(code, text) {
    return Object.assign(new Error(text), { responseCode: code });
}

new SMTPServer({
    cert: fs.readFileSync(cert),
    key: fs.readFileSync(key),
    authMethods: ['PLAIN', 'LOGIN', 'CRAM-MD5', 'XOAUTH2'],
    authOptional: true,
    disableReverseLookup: true,
    size: 25 << 20,
    onAuth(auth, session, callback) {
        const ok = auth.username === 'alice' && (auth.method === 'XOAUTH2' ? auth.accessToken === 'token'
            : auth.method === 'CRAM-MD5' ? auth.validatePassword('secret') : auth.password === 'secret');
        if (ok) {
            return callback(null, { user: 'alice' });
        }
        if (auth.method === 'XOAUTH2') {
            return callback(null, { data: { status: '401', schemes: 'bearer', scope: 'mail' } });
        }
        callback(refusal(535, 'wrong user or password'));
    },
    onRcptTo(address, session, callback) {
        callback(address.address.startsWith('nobody') ? refusal(550, 'no such user') : null);
    },
    onData(stream, session, callback) {
        const part = path.join(folder, 'part' + ++count);
        stream.pipe(fs.createWriteStream(part)).on('finish', () => {
            if (stream.sizeExceeded) {
                return callback(refusal(552, 'too large'));
            }
            fs.renameSync(part, path.join(folder, 'new', String(count)));
            callback(null, 'taken');
        });
    }
}).listen(Number(port), '127.0.0.1');
