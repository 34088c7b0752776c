/**
 * The default images, each replaceable by an environment variable, for a mirror or another release. docker-compose.yml
 * uses the same images and variables.
 */
export const IMAGES = {
  paystatus: { variable: 'PAYSTATUS_IMAGE', image: 'paystatus:0.1.0' },
  kafka: { variable: 'PAYSTATUS_KAFKA_IMAGE', image: 'apache/kafka:4.3.1' },
  redis: { variable: 'PAYSTATUS_REDIS_IMAGE', image: 'redis:7.4-alpine' },
  registry: { variable: 'PAYSTATUS_REGISTRY_IMAGE', image: 'apicurio/apicurio-registry-mem:2.6.13.Final' },
} as const satisfies Record<string, { readonly variable: string; readonly image: string }>

export type ImageName = keyof typeof IMAGES

/** The image to use; an empty variable is treated as unset. */
export function imageOf(name: ImageName, env: Readonly<Record<string, string | undefined>>): string {
  const { variable, image } = IMAGES[name]
  return env[variable] || image
}
