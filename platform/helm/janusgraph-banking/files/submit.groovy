// Runs as a program of its own: groovy submit.groovy URL FOLDER INDEX SECONDS. Sends the schema of FOLDER to the server behind URL, once the
// server is ready, and says what it created. INDEX is the name of the mixed index backend, empty when there is none.
import groovy.json.JsonOutput
import groovy.json.JsonSlurper

def (url, folder, index, seconds) = args
def until = System.currentTimeMillis() + Long.parseLong(seconds) * 1000

def ask = { String gremlin, Map bindings ->
  def connection = new URL(url).openConnection()
  connection.requestMethod = 'POST'
  connection.doOutput = true
  connection.connectTimeout = 5000
  connection.readTimeout = Math.max(5000L, until - System.currentTimeMillis()) as int
  connection.setRequestProperty('Content-Type', 'application/json')
  connection.setRequestProperty('Accept', 'application/json')
  connection.outputStream.withWriter('UTF-8') { it << JsonOutput.toJson([gremlin: gremlin, bindings: bindings]) }
  def answered = connection.responseCode
  def text = (answered == 200 ? connection.inputStream : connection.errorStream)?.getText('UTF-8')
  [answered, text ? new JsonSlurper().parseText(text) : [:]]
}

// The graph is there when a vertex can be looked for, even one that does not exist.
def isReady = {
  def (answered, body) = [0, [:]]
  try {
    (answered, body) = ask('g.V(256L).hasNext()', [:])
  } catch (IOException away) {
    body = [message: away.message]
  }
  if (answered != 200) println "waiting for the graph behind ${url}: ${body.message}"
  answered == 200
}
while (!isReady()) {
  if (System.currentTimeMillis() > until) {
    System.err.println "The graph behind ${url} was not ready in time. Nothing was changed."
    System.exit(1)
  }
  Thread.sleep(3000)
}

def script = new File(folder, 'apply-graph-schema.groovy').text
def wanted = new JsonSlurper().parse(new File(folder, 'graph-schema.json'))
def (answered, body) = ask(script, [wanted: wanted, backend: index])
if (answered != 200) {
  System.err.println "The schema was not applied: ${body.message ?: body}"
  System.exit(1)
}
def created = body.result.data['@value']
println created.isEmpty() ? 'The graph has the whole schema already.' : "Created: ${created.join(', ')}"
