// Connecting as the other clients do: without reconnecting, and over TLS where there is an authority to trust.

'use strict';

const fs = require('fs');
const rhea = require('rhea');

// A container; whatever goes wrong on its connections ends the program.
function createContainer() {
    const container = rhea.create_container();
    for (const end of ['connection_error', 'session_error', 'sender_error', 'receiver_error', 'rejected', 'released',
                       'modified']) {
        container.on(end, () => {
            throw new Error(end);
        });
    }
    container.on('disconnected', (context) => {
        if (context.error) {
            throw context.error;
        }
    });
    return container;
}

function connect(container, {url, ca}) {
    const {hostname, port} = new URL(url);
    const tls = ca ? {transport: 'tls', ca: fs.readFileSync(ca), rejectUnauthorized: true} : {};
    return container.connect({host: hostname, port: Number(port), reconnect: false, ...tls});
}

module.exports = {connect, createContainer};
