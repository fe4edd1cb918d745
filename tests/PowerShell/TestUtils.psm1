Set-StrictMode -Version Latest

$script:ModulePath = Join-Path $PSScriptRoot '../../artifacts/EmailRouter/EmailRouter.psd1'

# The module under test, as its built manifest.
function Get-ModulePath {
    (Resolve-Path -LiteralPath $script:ModulePath).Path
}

# A credential for tests; nothing in it is secret.
function New-TestCredential {
    param([string] $UserName = 'router', [string] $Password = 'p4ss w0rd')

    [pscredential]::new($UserName, (ConvertTo-SecureString $Password -AsPlainText -Force))
}

# Runs a script in a PowerShell of its own, so that what it loads meets nothing of this process. Returns its output lines.
function Invoke-FreshPowerShell {
    param([Parameter(Mandatory)] [string] $Script)

    $encoded = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes("`$ErrorActionPreference = 'Stop'; `$ProgressPreference = 'SilentlyContinue'; " + $Script))
    $pwsh = Join-Path $PSHOME ($IsWindows ? 'pwsh.exe' : 'pwsh')
    if (-not (Test-Path -LiteralPath $pwsh)) {
        # Installed as a tool of dotnet, there is only the command.
        $pwsh = 'pwsh'
    }

    $env:NO_COLOR = '1'
    $lines = & $pwsh -NoProfile -NonInteractive -OutputFormat Text -EncodedCommand $encoded 2>&1 | ForEach-Object { "$_" }
    if ($LASTEXITCODE -ne 0) {
        throw "The other PowerShell ended with $LASTEXITCODE`: $($lines -join "`n")"
    }

    $lines
}

# Starts a script in a runspace of its own, with the module imported, so that a test can stop it from outside.
function Start-StoppableScript {
    param([Parameter(Mandatory)] [string] $Script, [hashtable] $Variables = @{}, [string[]] $Import = @())

    $powershell = [powershell]::Create()
    foreach ($path in @(Get-ModulePath) + $Import) {
        $null = $powershell.AddCommand('Import-Module').AddParameter('Name', $path).Invoke()
        $powershell.Commands.Clear()
    }

    foreach ($name in $Variables.Keys) {
        $powershell.Runspace.SessionStateProxy.SetVariable($name, $Variables[$name])
    }

    $null = $powershell.AddScript($Script)
    $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
    $handle = $powershell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $output)
    [pscustomobject]@{ PowerShell = $powershell; Handle = $handle; Output = $output }
}

# Stops such a script and returns how long the stop took.
function Stop-StoppableScript {
    param([Parameter(Mandatory)] $Running)

    $watch = [Diagnostics.Stopwatch]::StartNew()
    $Running.PowerShell.Stop()
    $null = $Running.Handle.AsyncWaitHandle.WaitOne(10000)
    $watch.Stop()
    $Running.PowerShell.Dispose()
    $watch.Elapsed
}

# Switches a fault of a lab's servers on. Its types live in the module's own load context, where type literals do not reach.
function Set-LabFault {
    param([Parameter(Mandatory)] $Lab, [Parameter(Mandatory)] [string] $Kind, [string] $Command)

    $assembly = $Lab.Session.GetType().Assembly
    $fault = [Activator]::CreateInstance($assembly.GetType('EmailRouter.Lab.Servers.LabFault'), [Enum]::Parse($assembly.GetType('EmailRouter.Lab.Servers.LabFaultKind'), $Kind))
    if ($Command) {
        $fault.GetType().GetProperty('Command').SetValue($fault, $Command)
    }

    $null = $Lab.Session.Faults.Add($fault)
}

# Holds an SQLite file's write lock, with the SQLite of the module's own load context, until the returned connection is disposed.
function Lock-SqliteFile {
    param([Parameter(Mandatory)] [string] $Path)

    $context = [Runtime.Loader.AssemblyLoadContext]::All | Where-Object Name -EQ EmailRouter
    $assembly = $context.LoadFromAssemblyName([Reflection.AssemblyName]::new('Microsoft.Data.Sqlite'))
    $connection = [Activator]::CreateInstance($assembly.GetType('Microsoft.Data.Sqlite.SqliteConnection'), "Data Source=$Path;Pooling=False")
    $connection.Open()
    $command = $connection.CreateCommand()
    $command.CommandText = 'BEGIN IMMEDIATE'
    $null = $command.ExecuteNonQuery()
    $connection
}

# Waits for a condition; fails when it does not come true. For what another thread does, where there is nothing to wait on.
function Wait-Condition {
    param([Parameter(Mandatory)] [scriptblock] $Condition, [int] $Seconds = 10)

    $until = [DateTimeOffset]::UtcNow.AddSeconds($Seconds)
    while (-not (& $Condition)) {
        if ([DateTimeOffset]::UtcNow -gt $until) {
            throw "This did not come true within $Seconds s: $Condition"
        }

        Start-Sleep -Milliseconds 20
    }
}

Export-ModuleMember -Function *-*
