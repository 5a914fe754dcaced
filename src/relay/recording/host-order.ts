/** Both formats of recordings are written in the byte order of the host that writes them. */
export const HOST_IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
