from benchmarks import capacity
def test_x(dynamodb_endpoint):
    m = capacity.measure(dynamodb_endpoint, 20, many=False)
    open('/tmp/g_broken.txt','w').write('\n'.join(map(str,m.broken)))
