BeforeDiscovery {
    Import-Module "$PSScriptRoot/TestUtils.psm1" -Force
    Import-Module (Get-ModulePath)
    $script:cmdlets = Get-Command -Module EmailRouter | ForEach-Object { @{ Name = $_.Name; Command = $_ } }
}

BeforeAll {
    Import-Module "$PSScriptRoot/TestUtils.psm1" -Force
    $script:modulePath = Get-ModulePath
    $script:manifest = Import-PowerShellDataFile $script:modulePath
}

Describe 'The manifest' -Tag Unit {
    It 'is valid' {
        (Test-ModuleManifest $script:modulePath).Name | Should -Be 'EmailRouter'
    }

    It 'exports what the module has, and nothing by wildcard' {
        $script:manifest.CmdletsToExport | Should -Not -Contain '*'
        $script:manifest.FunctionsToExport | Should -BeNullOrEmpty
        $script:manifest.VariablesToExport | Should -BeNullOrEmpty
        (Get-Command -Module EmailRouter).Name | Sort-Object | Should -Be ($script:manifest.CmdletsToExport | Sort-Object)
    }
}

Describe '<_.Name>' -Tag Unit -ForEach $script:cmdlets {
    BeforeAll {
        $script:help = Get-Help $_.Name -Full
    }

    It 'uses an approved verb' {
        (Get-Verb).Verb | Should -Contain $_.Command.Verb
    }

    It 'has a synopsis and two examples that parse' {
        $script:help.Synopsis | Should -Not -BeNullOrEmpty
        @($script:help.examples.example).Count | Should -BeGreaterOrEqual 2
        foreach ($example in $script:help.examples.example) {
            $errors = $null
            $null = [Management.Automation.Language.Parser]::ParseInput($example.code, [ref] $null, [ref] $errors)
            $errors | Should -BeNullOrEmpty
        }
    }

    It 'names in its examples only cmdlets and parameters that exist' {
        foreach ($example in $script:help.examples.example) {
            $ast = [Management.Automation.Language.Parser]::ParseInput($example.code, [ref] $null, [ref] $null)
            foreach ($call in $ast.FindAll({ $args[0] -is [Management.Automation.Language.CommandAst] }, $true)) {
                $command = Get-Command $call.GetCommandName() -ErrorAction Ignore
                $command | Should -Not -BeNullOrEmpty -Because "the example calls $($call.GetCommandName())"
                foreach ($parameter in $call.CommandElements.Where{ $_ -is [Management.Automation.Language.CommandParameterAst] }) {
                    { $command.ResolveParameter($parameter.ParameterName) } | Should -Not -Throw -Because "the example uses -$($parameter.ParameterName) of $($command.Name)"
                }
            }
        }
    }

    It 'describes every parameter' {
        $common = [Management.Automation.PSCmdlet]::CommonParameters + [Management.Automation.PSCmdlet]::OptionalCommonParameters
        foreach ($parameter in $_.Command.Parameters.Keys.Where{ $_ -notin $common }) {
            $described = $script:help.parameters.parameter | Where-Object name -EQ $parameter
            "$($described.description.Text)" | Should -Not -BeNullOrEmpty -Because "-$parameter needs help"
        }
    }

    It 'has a view for what it puts out' {
        foreach ($type in $_.Command.OutputType.Where{ $_.Name -like 'EmailRouter.*' }) {
            Get-FormatData -TypeName $type.Name -PowerShellVersion $PSVersionTable.PSVersion | Should -Not -BeNullOrEmpty -Because "$($type.Name) needs a view"
        }
    }

    It 'takes a configuration path, or makes a configuration' {
        $_.Command.Parameters.ContainsKey('ConfigurationPath') | Should -Be ($_.Name -ne 'Start-RouterLab')
    }
}

Describe 'The help' -Tag Unit {
    It 'has a topic about the module that names only cmdlets that exist' {
        $about = Get-Help about_EmailRouter | Out-String
        $names = [regex]::Matches($about, '\b[A-Z][a-z]+-(Router|Crm)\w+').Value | Sort-Object -Unique
        $names.Count | Should -BeGreaterThan 5
        $names | ForEach-Object { Get-Command $_ -ErrorAction Ignore | Should -Not -BeNullOrEmpty -Because "the topic names $_" }
    }
}

Describe 'The README' -Tag Unit {
    It 'names only cmdlets and parameters that exist' {
        $readme = Get-Content -Raw (Join-Path $PSScriptRoot '../../README.md')
        $blocks = [regex]::Matches($readme, '(?s)```powershell\r?\n(.*?)```')
        $blocks.Count | Should -BeGreaterThan 0
        foreach ($block in $blocks) {
            $errors = $null
            $ast = [Management.Automation.Language.Parser]::ParseInput($block.Groups[1].Value, [ref] $null, [ref] $errors)
            $errors | Should -BeNullOrEmpty
            foreach ($call in $ast.FindAll({ $args[0] -is [Management.Automation.Language.CommandAst] }, $true).Where{ $_.GetCommandName() -match '^\w+-(Router|Crm)' }) {
                $command = Get-Command $call.GetCommandName() -ErrorAction Ignore
                $command | Should -Not -BeNullOrEmpty -Because "the README calls $($call.GetCommandName())"
                foreach ($parameter in $call.CommandElements.Where{ $_ -is [Management.Automation.Language.CommandParameterAst] }) {
                    { $command.ResolveParameter($parameter.ParameterName) } | Should -Not -Throw -Because "the README uses -$($parameter.ParameterName) of $($command.Name)"
                }
            }
        }
    }
}

Describe 'The views' -Tag Unit {
    It 'have tables of at most six columns, and lists' {
        foreach ($data in Get-FormatData -TypeName 'EmailRouter.*' -PowerShellVersion $PSVersionTable.PSVersion) {
            $controls = $data.FormatViewDefinition.Control
            $table = $controls | Where-Object { $_ -is [Management.Automation.TableControl] }
            $table | Should -Not -BeNullOrEmpty -Because "$($data.TypeNames) needs a table"
            @($table.Headers).Count | Should -BeLessOrEqual 6 -Because "$($data.TypeNames) must fit the screen"
            $controls | Where-Object { $_ -is [Management.Automation.ListControl] } | Should -Not -BeNullOrEmpty -Because "$($data.TypeNames) needs a list"
        }
    }
}

Describe 'Importing' -Tag Unit, Slow {
    It 'works in a PowerShell without profile, again after a removal, and again with -Force' {
        $lines = Invoke-FreshPowerShell @"
            `$configuration = Join-Path ([IO.Path]::GetTempPath()) "`$(New-Guid).json"
            Import-Module '$script:modulePath'
            Get-RouterDeployment -ConfigurationPath `$configuration
            Remove-Module EmailRouter
            if (Get-Command Get-RouterDeployment -ErrorAction Ignore -ListImported) { throw 'still there' }
            Import-Module '$script:modulePath'
            Get-RouterProfile -ConfigurationPath `$configuration
            Import-Module '$script:modulePath' -Force
            Get-RouterProfile -ConfigurationPath `$configuration
            (Get-Module EmailRouter).Version.ToString()
"@
        $lines | Select-Object -Last 1 | Should -Be $script:manifest.ModuleVersion
    }

    It 'puts no dependency into the default load context' {
        $lines = Invoke-FreshPowerShell @"
            Import-Module '$script:modulePath'
            `$null = Get-RouterDeployment -ConfigurationPath (Join-Path ([IO.Path]::GetTempPath()) "`$(New-Guid).json")
            [Runtime.Loader.AssemblyLoadContext]::Default.Assemblies.ForEach{ `$_.GetName().Name }
"@
        $lines | Should -Contain 'EmailRouter.PowerShell'
        $lines | Should -Not -Contain 'EmailRouter.Routing'
        $lines | Should -Not -Contain 'Microsoft.Data.Sqlite'
        $lines | Should -Not -Contain 'Dapper'
    }

    It 'works beside modules that bring other versions of its dependencies, whoever comes first' -ForEach @(@{ First = 'others' }, @{ First = 'EmailRouter' }) {
        $lines = Invoke-FreshPowerShell @"
            `$folder = New-Item -ItemType Directory (Join-Path ([IO.Path]::GetTempPath()) (New-Guid))
            function Import-Others {
                Add-Type -OutputAssembly "`$folder/Microsoft.Data.Sqlite.dll" -TypeDefinition 'namespace Microsoft.Data.Sqlite { public class SqliteConnection { public string Whose => "other"; } }'
                Add-Type -OutputAssembly "`$folder/Dapper.dll" -TypeDefinition 'namespace Dapper { public static class SqlMapper { public static string Whose => "other"; } }'
                Add-Type -OutputAssembly "`$folder/SQLitePCLRaw.core.dll" -TypeDefinition 'namespace SQLitePCL { public static class raw { public static string Whose => "other"; } }'
                'Microsoft.Data.Sqlite', 'Dapper', 'SQLitePCLRaw.core' | ForEach-Object { `$null = [Runtime.Loader.AssemblyLoadContext]::Default.LoadFromAssemblyPath("`$folder/`$_.dll") }
            }
            function Use-EmailRouter {
                Import-Module '$script:modulePath'
                (New-RouterDeployment -Name Main -Path "`$folder/`$(New-Guid).db" -Create -ConfigurationPath "`$folder/`$(New-Guid).json").Name
            }
            if ('$First' -eq 'others') { Import-Others; Use-EmailRouter } else { Use-EmailRouter; Import-Others; Use-EmailRouter }
            [Microsoft.Data.Sqlite.SqliteConnection]::new().Whose
            [Dapper.SqlMapper]::Whose
            [SQLitePCL.raw]::Whose
"@
        $lines | Select-Object -Last 4 | Should -Be 'Main', 'other', 'other', 'other'
    }

    It 'ends the labs with the module' {
        $lines = Invoke-FreshPowerShell @"
            Import-Module '$script:modulePath'
            `$lab = Start-RouterLab
            Remove-Module EmailRouter
            (Test-Path `$lab.Folder).ToString()
            try { [Net.Sockets.TcpClient]::new('127.0.0.1', `$lab.Pop3Port); 'open' } catch { 'closed' }
"@
        $lines | Should -Be 'False', 'closed'
    }

    It 'works in several runspaces of one process, and a removal in one leaves the others alone' {
        $lines = Invoke-FreshPowerShell @"
            `$configuration = Join-Path ([IO.Path]::GetTempPath()) "`$(New-Guid).json"
            Import-Module '$script:modulePath'
            1..3 | ForEach-Object -Parallel {
                Import-Module '$script:modulePath'
                `$null = Get-RouterDeployment -ConfigurationPath `$using:configuration
                Remove-Module EmailRouter
            }
            Get-RouterProfile -ConfigurationPath `$configuration
            'fine'
"@
        $lines | Select-Object -Last 1 | Should -Be 'fine'
    }
}
