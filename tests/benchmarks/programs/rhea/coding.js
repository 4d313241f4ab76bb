// Encoding and decoding messages, without a connection.

'use strict';

const rhea = require('rhea');
const {Meter} = require('./meter');

function message() {
    return {
        message_id: 7, to: 'examples', application_properties: {site: 'north', sensor: 12, valid: true},
        body: {sequence: 7, seen: {degree: 21.5, humid: 40, spot: 'roof'}},
    };
}

function encode({count}, done) {
    const meter = new Meter();
    const sample = message();
    meter.start();
    for (let number = 0; number < count; number += 1) {
        sample.message_id = number & 127;
        meter.count += Number(rhea.message.encode(sample).length > 0);
    }
    meter.stop();
    done(meter.figures(count));
}

function decode({count}, done) {
    const meter = new Meter();
    const data = rhea.message.encode(message());
    meter.start();
    for (let number = 0; number < count; number += 1) {
        const decoded = rhea.message.decode(data);
        meter.count += Number(decoded.application_properties.sensor === 12 && decoded.body.seen.humid === 40);
    }
    meter.stop();
    done(meter.figures(count));
}

module.exports = {encode, decode};
