import { ImsError } from '../../errors.ts';

/** Makes a server that needs certificate and key; what is wrong with them is the operator's to mend. */
export function withCertificate<Server>(make: () => Server): Server {
  try {
    return make();
  } catch (cause) {
    const reason = `certificate and key of the TLS port cannot be used together: ${(cause as Error).message}`;
    throw new ImsError('IMS_ERR_CONFIG_INVALID', reason, { cause });
  }
}
