// A client program on rhea: sends to an address, or receives from it, and prints what it saw as JSON.
//
//     rhea_client.js send HOST PORT ADDRESS COUNT [BODY_SIZE]
//     rhea_client.js receive HOST PORT ADDRESS COUNT

'use strict';

const container = require('rhea');
const [role, host, port, address, wanted, size] = process.argv.slice(2);
const count = Number(wanted);
const outcomes = {accepted: 0, rejected: 0, released: 0, modified: 0};
const bodies = [];
const errors = [];
let sent = 0;

function settled(outcome, context) {
    outcomes[outcome] += 1;
    if (Object.values(outcomes).reduce((a, b) => a + b) === count) {
        context.connection.close();
    }
}

container.on('sendable', (context) => {
    while (context.sender.sendable() && sent < count) {
        const body = 'x'.repeat(Number(size || 10));
        context.sender.send({message_id: sent, body: body, application_properties: {number: sent}});
        sent += 1;
    }
});
container.on('accepted', (context) => settled('accepted', context));
container.on('rejected', (context) => settled('rejected', context));
container.on('released', (context) => settled('released', context));
container.on('modified', (context) => settled('modified', context));
container.on('message', (context) => {
    bodies.push(context.message.body);
    if (bodies.length === count) {
        // The last message is accepted once this callback has returned.
        setImmediate(() => context.connection.close());
    }
});
for (const end of ['connection_error', 'session_error', 'sender_error', 'receiver_error', 'disconnected']) {
    container.on(end, (context) => {
        errors.push(end);
        context.connection.close();
    });
}
container.on('connection_close', () => {
    console.log(JSON.stringify(role === 'send' ? {outcomes, errors} : {bodies, errors}));
});

const connection = container.connect({host: host, port: Number(port), reconnect: false});
if (role === 'send') {
    connection.open_sender({target: address, treat_modified_as_released: false});
} else {
    connection.open_receiver(address);
}
