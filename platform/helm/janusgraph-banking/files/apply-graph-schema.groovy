// Runs as a program of its own: groovy apply-graph-schema.groovy SERVERS FOLDER INDEX SECONDS REQUEST. Brings the graph behind the URLs in
// SERVERS to the schema in FOLDER, and ends when every index is enabled. INDEX is the name of the mixed index backend, empty when there is
// none; REQUEST the milliseconds that a server lets a request live. Every request is short: what takes long goes on in the servers.
import groovy.json.JsonOutput
import groovy.json.JsonSlurper

def (urls, folder, backend, seconds, request) = args
def servers = urls.split(',') as List
def until = System.currentTimeMillis() + seconds.toLong() * 1000

def ask = { String server, String script, Map bindings ->
  def connection = new URL(server).openConnection()
  connection.requestMethod = 'POST'
  connection.doOutput = true
  connection.connectTimeout = 5000
  connection.readTimeout = request.toInteger()
  connection.setRequestProperty('Content-Type', 'application/json')
  connection.setRequestProperty('Accept', 'application/json')
  connection.outputStream.withWriter('UTF-8') { it << JsonOutput.toJson([gremlin: script, bindings: bindings]) }
  def refused = connection.responseCode != 200
  def text = (refused ? connection.errorStream : connection.inputStream)?.getText('UTF-8')
  def body = text ? new JsonSlurper().parseText(text) : [:]
  if (refused) throw new IllegalStateException(body.message ?: "the server answered ${connection.responseCode}")
  body.result.data['@value']
}
def fail = { String message ->
  System.err.println message
  System.exit(1)
}

// A server is ready when a vertex can be looked for, even one that does not exist.
servers.each { server ->
  def isReady = {
    try {
      ask(server, 'g.V(256L).hasNext()', [:])
      true
    } catch (IOException | IllegalStateException away) {
      println "waiting for ${server}: ${away.message}"
      false
    }
  }
  while (!isReady()) {
    if (System.currentTimeMillis() > until) fail("${server} was not ready in time. Nothing was changed.")
    sleep(3000)
  }
}

def managing = { String work ->
  "def management = graph.openManagement(); try { ${work} } finally { if (management.isOpen()) management.rollback() }" as String
}
def wanted = new JsonSlurper().parse(new File(folder, 'graph-schema.json'))
def names = (wanted.compositeIndexes.keySet() + (backend ? wanted.mixedIndexes.keySet() : [])) as List
def first = servers[0]
def created = []
try {
  created = ask(first, new File(folder, 'define-graph-schema.groovy').text, [wanted: wanted, backend: backend])
} catch (IllegalStateException refused) {
  fail("The schema was not applied: ${refused.message}")
}
println created.isEmpty() ? 'The graph has every name of the schema.' : "Created: ${created.join(', ')}"

// Indexes over new keys are enabled at once. Others have to be noted by every server, and then filled.
def unfinished = managing('''
  names.collectMany { name ->
    def index = management.getGraphIndex(name)
    index.fieldKeys.collect { index.getIndexStatus(it).name() }.unique().findAll { it in ['INSTALLED', 'REGISTERED'] }.collect { "${name} ${it}".toString() }
  }''')
def announce = managing('''
  names.each { management.updateIndex(management.getGraphIndex(it), org.janusgraph.core.schema.SchemaAction.REGISTER_INDEX).get() }
  management.commit()''')
def fill = managing('''
  management.updateIndex(management.getGraphIndex(name), org.janusgraph.core.schema.SchemaAction.REINDEX)
  management.commit()''')
def openNow = 'graph.openTransactions.collect { it.toString() }'
def rollBack = 'graph.openTransactions.findAll { left.contains(it.toString()) }.each { it.rollback() }; left'

def waiting = { ask(first, unfinished, [names: names]) }
def installed = { waiting().findAll { it.endsWith(' INSTALLED') }.collect { it.split(' ')[0] } }
def ofEarlierRuns = installed() - created
if (ofEarlierRuns) ask(first, announce, [names: ofEarlierRuns])

def began = System.currentTimeMillis()
def open = servers.collectEntries { [it, ask(it, openNow, [:])] }
def tidied = false
def filling = [] as Set
for (def left = waiting(); left; left = waiting()) {
  if (System.currentTimeMillis() > until) {
    def registered = ask(first, managing('management.openInstances.collect { it }'), [:])
    fail("Not enabled in time: ${left.join(', ')}. Registered servers, which all have to note an index: ${registered.join(', ')}")
  }
  left.groupBy { it.split(' ')[0] }.each { name, states ->
    if (states == ["${name} REGISTERED" as String] && filling.add(name)) {
      println "filling ${name}"
      ask(first, fill, [name: name])
    }
  }
  // A server notes an index when the transactions that were open are closed. No request lives so long: who is still open was left behind.
  if (!tidied && System.currentTimeMillis() - began > request.toLong() + 5000) {
    tidied = true
    servers.each { server ->
      def behind = open[server].intersect(ask(server, openNow, [:]))
      if (behind) println "${server}: rolled back ${ask(server, rollBack, [left: behind]).size()} transactions that were left open"
    }
    if (installed()) ask(first, announce, [names: installed()])
  }
  sleep(2000)
}
println 'Every index is enabled.'
