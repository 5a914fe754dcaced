import { createRelay, openRtppClient, proveMedia, QUICK_PROOF } from 'ims-launch';

const relay = await createRelay({
  control: ['udp:127.0.0.1:0'],
  addresses: [{ family: 4, address: '127.0.0.1', advertised: undefined, label: undefined }],
});
const client = await openRtppClient({ control: relay.control[0] ?? '' });
console.log('version', await client.request('V'));
console.log('media passes', (await proveMedia({ ...QUICK_PROOF, client })).ok);
await client.close();
await relay.close();
