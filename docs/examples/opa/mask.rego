# Keeps access tokens out of the decision log.
package system.log

mask contains "/input/access_token"
